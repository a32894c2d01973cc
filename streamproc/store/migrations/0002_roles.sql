-- Who may what: the owner (whoever migrates) everything, workers read and write rows, people read. Roles belong to the
-- whole server: another database may have made them, and an owner without the right to make roles goes without.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['streamproc_writer', 'streamproc_reader'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'the role % cannot be made by %', wanted, current_user;
        END;
    END LOOP;

    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'streamproc_writer') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO streamproc_writer;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO streamproc_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'streamproc_reader') THEN
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO streamproc_reader;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO streamproc_reader;
    END IF;
END
$$;
