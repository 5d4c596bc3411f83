-- The name of an organization or project as it stands in addresses: recognizable, and unique by its
-- number.
CREATE FUNCTION slug_of(name text, id bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT trim(leading '-' FROM
                trim(both '-' FROM regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g')) || '-' || id)
$$;
