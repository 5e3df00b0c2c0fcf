//! Bounds of HTTP and of its API.

use std::time::Duration;

/// Largest HTTP request body other than a KV value, in bytes.
pub const HTTP_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Time that a client has to send a request's body.
pub const HTTP_BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Time that a client has to send a request's head, beginning when the answer before it was sent: for a
/// connection that is kept open it is how long that may be idle. Go's clients keep theirs for 90 seconds
/// and would otherwise write into a connection that was closed under them.
pub const HTTP_HEAD_TIMEOUT: Duration = Duration::from_secs(120);

/// Largest request line and headers together, in bytes, unless `http_config.max_header_bytes` says otherwise.
pub const HTTP_HEAD_BYTES_MAX: usize = 64 * 1024;

/// Least `http_config.max_header_bytes`: what a connection reads at once.
pub const HTTP_HEAD_SETTING_MIN: i64 = 8 * 1024;

/// Largest `http_config.max_header_bytes` (Go's default).
pub const HTTP_HEAD_SETTING_MAX: i64 = 1024 * 1024;

/// Time that a client has to send the rest of a request's head once some of it is there.
pub const HTTP_HEAD_REST_TIMEOUT: Duration = Duration::from_secs(20);

/// Time in which a client has to take some of an answer, so that nobody's answers are held for ever.
pub const HTTP_WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of request bodies that are held at one time, those with few left out; beyond it the next piece of one
/// waits for its turn.
pub const HTTP_BODIES_HELD_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Bytes of one body that do not count as held: most registrations and values are less.
pub const HTTP_BODY_HELD_BYTES_FEW: usize = 16 * 1024;

/// Bytes of answers that are held at one time until their clients have read them, small ones left out; beyond it one
/// more is refused.
pub const HTTP_ANSWERS_UNREAD_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The part of it that one client's address may take.
pub const HTTP_CLIENT_UNREAD_BYTES_MAX: u64 = HTTP_ANSWERS_UNREAD_BYTES_MAX / 4;

/// Bytes of one answer that do not count as unread.
pub const HTTP_ANSWER_UNREAD_BYTES_FEW: u64 = 64 * 1024;

/// Connections of HTTP in all, in eighths of the files that the process may open.
pub const HTTP_CONNECTIONS_EIGHTHS: usize = 5;

/// Beginnings of paths in `http_config.block_endpoints`.
pub const HTTP_BLOCKED_MAX: usize = 1_000;

/// Networks in `http_config.allow_write_http_from`.
pub const HTTP_WRITERS_MAX: usize = 1_000;

/// Longest path of a socket in the file system, in bytes (unix(7): 108 with the zero at its end).
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Longest wait of a blocking query, in milliseconds (`max_query_time`).
pub const BLOCKING_WAIT_MAX_MS: u64 = 600_000;

/// Wait of a blocking query that names none, in milliseconds (`default_query_time`).
pub const BLOCKING_WAIT_DEFAULT_MS: u64 = 300_000;

/// Longest `filter` of a request, in bytes.
pub const FILTER_BYTES_MAX: usize = 16 * 1024;

/// Parentheses and `not`s of a filter that stand inside of each other. Consul takes ten seconds for ten of them.
pub const FILTER_DEPTH_MAX: usize = 64;

/// Comparisons of one filter: each is made for each item of an answer.
pub const FILTER_COMPARISONS_MAX: usize = 512;

/// Regular expressions of one filter.
pub const FILTER_PATTERNS_MAX: usize = 16;

/// One regular expression of a filter, compiled, and again its cache while it matches, in bytes.
pub const FILTER_PATTERN_BYTES_MAX: usize = 256 * 1024;

/// Groups of a filter's regular expression that stand inside of each other.
pub const FILTER_PATTERN_DEPTH_MAX: u32 = 64;
