-- What clients say of a picture before they send it may hold properties.
ALTER TABLE viz_announced ADD COLUMN properties json;
