-- The list of builds says itself what belongs to it: called for each row, the function cost more than the row.
DROP FUNCTION viz_build_fits(viz_builds, text, text, text);
