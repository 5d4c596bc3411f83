-- Mails that tell what happened to something of the organization's: what it was, as its owner's event
-- says it.
ALTER TABLE mails ADD COLUMN about json;
