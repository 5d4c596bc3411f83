-- The audit log: one chain of digests per organization (0: the server itself). Rows are only ever
-- added; an edit, deletion, insertion or swap breaks the chain (aut_chain.h says how it is made).

CREATE TABLE audit_heads (
    org_id bigint PRIMARY KEY,
    seq    bigint NOT NULL,
    hash   bytea NOT NULL
);

CREATE TABLE audit_events (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id        bigint NOT NULL,
    seq           bigint NOT NULL, -- 1, 2, ... in the organization
    event_id      uuid NOT NULL UNIQUE,
    type          text NOT NULL,
    at_us         bigint NOT NULL,
    user_id       bigint,
    email         text,
    resource_type text,
    resource_id   text,
    resource_name text,
    details       text,
    peer          text,
    request_id    text,
    hash          bytea NOT NULL,
    UNIQUE (org_id, seq)
);
CREATE INDEX audit_of_org ON audit_events (org_id, id DESC);
CREATE INDEX audit_of_type ON audit_events (org_id, type, id DESC);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

SELECT tenant_table('audit_events');
