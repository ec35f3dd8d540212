//! URLs that name the same store and space.

/// URLs by the store and space that they name. Each row has words of the store's `Debug`, and all URLs of that store and
/// space. No URL of another row names the same.
pub(super) const SAME: &[(&[&str], &[&str])] = &[
    (
        &["/nonexistent/casflake/ids"],
        &[
            "file:/nonexistent/casflake/ids",
            "file:///nonexistent/casflake/ids",
            "file://localhost/nonexistent/casflake/ids",
            "FILE://LocalHost/nonexistent/casflake/ids",
            "file:/nonexistent/casflake/ids/",
            "file:////nonexistent//casflake/ids",
            "file:/nonexistent/casflake/%69%64s",
            "file:/nonexistent/casflake/ids\n",
            "\u{feff}file:/nonexistent/casflake/ids",
            "\u{feff} \t file:/nonexistent/casflake/ids \r\n\r\n",
            "\u{3000}file:/nonexistent/casflake/ids\u{85}",
        ],
    ),
    (
        &["/nonexistent/casflake/my ids"],
        &["file:/nonexistent/casflake/my%20ids", "file:///nonexistent/casflake/my%20ids"],
    ),
    (&["/nonexistent/casflake/IDS"], &["file:/nonexistent/casflake/IDS"]),
    (&["/nonexistent/casflake/ids#orders"], &["file:/nonexistent/casflake/ids%23orders"]),
    (&["/nonexistent/casflake/100%"], &["file:/nonexistent/casflake/100%25"]),
    (
        &["/nonexistent/casflake/a@b:c"],
        &["file:/nonexistent/casflake/a@b:c", "file://localhost/nonexistent/casflake/a%40b%3Ac"],
    ),
    (&["/nonexistent/casflake/\u{fc}"], &["file:/nonexistent/casflake/\u{fc}", "file:/nonexistent/casflake/%C3%BC"]),
    (&["/nonexistent/casflake/~"], &["file:/nonexistent/casflake/~"]),
    (&["/nonexistent/casflake/..."], &["file:/nonexistent/casflake/...", "file:/nonexistent/casflake/%2E.."]),
    (
        &["server: h:6379, database 0", "casflake:default"],
        &[
            "redis://h",
            "redis://h/",
            "redis://h:6379",
            "redis://h:6379/0",
            "redis://h/0#default",
            "REDIS://h",
            "valkey://h",
            "redis://h?protocol=3",
            "redis://h/0\n",
            " redis://h/0#default\r\n",
        ],
    ),
    (
        &["server: h:6379, database 0", "casflake:orders"],
        &["redis://h#orders", "redis://h/0#orders\n", "redis://h:6379/0#orders\t", "\u{feff}redis://h/#orders"],
    ),
    (&["server: h:6379, database 0", "casflake:Orders"], &["redis://h#Orders"]),
    (&["casflake:a-b.c_d~e/f:0"], &["redis://h#a-b.c_d~e/f:0"]),
    (&["server: h:6379, database 1", "casflake:default"], &["redis://h/1"]),
    (&["server: h:7000, database 0"], &["redis://h:7000"]),
    (
        &["server: h:6379 by TLS, database 0", "casflake:default"],
        &[
            "rediss://h",
            "valkeys://h/0",
            "REDISS://h?protocol=3",
            "rediss://h?sslrootcert=/ca.pem&sslkey=/k&sslcert=/c",
        ],
    ),
    // A name and nothing else, although other programs give it a meaning.
    (&["server: h:6379 by TLS, database 0", "casflake:insecure"], &["rediss://h#insecure"]),
    (&["server: ::1:6379, database 0"], &["redis://[::1]", "redis://[::1]:6379/0"]),
    (&["user: Some(\"m@\")"], &["redis://m%40:secret@h", "redis://%6d%40:secret%20%0A@h/0"]),
    (
        &["server: /run/my redis.sock, database 2"],
        &[
            "unix:///run/my%20redis.sock?db=2",
            "unix:/run/my%20redis.sock?db=2",
            "redis+unix://localhost/run//my%20%72edis.sock?db=2#default\n",
            "valkey+unix:/run/my%20redis.sock?protocol=3&db=2",
        ],
    ),
    (&["user: Some(\"me\")", "server: /run/a@b.sock"], &["unix:/run/a@b.sock?user=me&pass=secret%2B%20"]),
    (
        &["\"http://h:2379\"", "/casflake/default"],
        &["etcd://h", "etcd://h:2379", "etcd://h/", "ETCD://H", "etcd://h#default\n", "\u{feff}etcd://h "],
    ),
    (&["\"http://h:2379\"", "/casflake/orders"], &["etcd://h#orders", "etcd://h:2379/#orders\r\n"]),
    (&["\"http://h:2379\"", "/casflake/orders%2Feu"], &["etcd://h#orders/eu"]),
    (
        &["[\"http://a:2379\", \"http://b:1\", \"http://[::1]:2379\"]"],
        &["etcd://a,b:1,[::1]", "etcd://a:2379,etcd://b:1,ETCD://[::1]", "etcd://a/,b:1/,[::1]/"],
    ),
    (
        &["\"https://h:2379\""],
        &["etcds://h", "etcds://h:2379", "etcds://h?sslrootcert=/etc/ca.pem&sslcert=/etc/a%20b.pem&sslkey=/etc/k.pem"],
    ),
    (&["\"http://h:2379\"", "user: Some(\"m@\")"], &["etcd://m%40:secret@h", "etcd://%6d%40:secret@h:2379"]),
    (
        &["Tcp(\"h\")", "port: [5432]", "dbname: Some(\"ids\")", "user: Some(\"me\")", "space: \"default\""],
        &[
            "postgres://me@h/ids",
            "postgresql://me@h:5432/ids",
            "PostgreSQL://me@h/ids#default",
            "postgres://me@h?dbname=ids",
            "postgres://m%65@h/%69ds\n",
            "postgres://me@h/ids?sslmode=prefer&keepalives=1",
            "\u{feff}\tpostgres://me@h/ids \r\n",
        ],
    ),
    (
        &["dbname: Some(\"ids\")", "space: \"orders\""],
        &["postgres://me@h/ids#orders", "postgres://me@h:5432/ids#orders\n", "postgresql://me@h/ids#orders\r\n "],
    ),
    (&["dbname: Some(\"ids\")", "space: \"orders/eu\""], &["postgres://me@h/ids#orders/eu"]),
    (&["dbname: Some(\"my ids\")"], &["postgres://me@h/my%20ids", "postgres://me@h?dbname=my%20ids"]),
    (&["Tcp(\"a\"), Tcp(\"b\")", "port: [5432, 1]"], &["postgres://me@a,b:1/ids", "postgres://me@a:5432,b:1/ids"]),
    (
        &["Unix(\"/run/postgresql\")"],
        &[
            "postgres://me@%2Frun%2Fpostgresql:5432/ids",
            "postgres://me@%2frun%2Fpostgresql/ids",
            "postgres://me@/ids?host=/run/postgresql&port=5432",
        ],
    ),
    (&["application_name: Some(\"a b\")"], &["postgres://me:secret@h/ids?application_name=a%20b"]),
];
