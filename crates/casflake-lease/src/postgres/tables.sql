CREATE TABLE IF NOT EXISTS public.casflake_spaces (
    space text PRIMARY KEY,
    version bigint NOT NULL,
    layout text NOT NULL,
    workers bigint NOT NULL,
    granted bigint NOT NULL,
    floor bigint NOT NULL,
    incarnation text NOT NULL
);
CREATE TABLE IF NOT EXISTS public.casflake_leases (
    space text,
    worker bigint,
    from_tick bigint NOT NULL,
    until_tick bigint NOT NULL,
    counter bigint NOT NULL,
    token text,
    owner text NOT NULL,
    PRIMARY KEY (space, worker)
);
