//! Every bound of the program, in one place, with its unit in its name.

/// Longest node, service, check or tag name, in bytes. Consul has no bound; DNS cannot ask for more than
/// 255 octets (RFC 1035 §2.3.4), so a longer name could never be discovered.
pub const NAME_BYTES_MAX: usize = 255;

/// Longest KV key, in bytes. fjall keys end at 65,535 bytes, and ours carry a prefix.
pub const KV_KEY_BYTES_MAX: usize = 32 * 1024;

/// Largest KV value, in bytes (Consul's `kv_max_value_size`).
pub const KV_VALUE_BYTES_MAX: usize = 512 * 1024;

/// Tags of one service.
pub const SERVICE_TAGS_MAX: usize = 512;

/// Entries of one metadata map (Consul: 64).
pub const META_ENTRIES_MAX: usize = 64;

/// Longest metadata key, in bytes (Consul: 128).
pub const META_KEY_BYTES_MAX: usize = 128;

/// Longest metadata value, in bytes (Consul: 512).
pub const META_VALUE_BYTES_MAX: usize = 512;

/// Checks of one service or one node definition.
pub const CHECKS_MAX: usize = 256;

/// Kept check output, in bytes, unless `check_output_max_size` says otherwise.
pub const CHECK_OUTPUT_BYTES_MAX: usize = 4 * 1024;

/// Shortest time between two runs of a check, in milliseconds (Consul's `MinInterval`).
pub const CHECK_INTERVAL_MIN_MS: u64 = 1_000;

/// Shortest `deregister_critical_service_after`, in milliseconds.
pub const DEREGISTER_AFTER_MIN_MS: u64 = 60_000;

/// Largest weight of a service instance: an SRV weight is 16 bits (RFC 2782).
pub const WEIGHT_MAX: u32 = 65_535;

/// Largest HTTP request body other than a KV value, in bytes.
pub const HTTP_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Largest request line and headers together, in bytes.
pub const HTTP_HEAD_BYTES_MAX: usize = 64 * 1024;

/// Longest wait of a blocking query, in milliseconds (`max_query_time`).
pub const BLOCKING_WAIT_MAX_MS: u64 = 600_000;

/// Wait of a blocking query that names none, in milliseconds (`default_query_time`).
pub const BLOCKING_WAIT_DEFAULT_MS: u64 = 300_000;

/// Largest configuration or definition file, in bytes.
pub const CONFIG_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Files read from one configuration folder.
pub const CONFIG_FILES_MAX: usize = 10_000;

/// Nesting of a configuration or request document.
pub const DOCUMENT_DEPTH_MAX: usize = 128;

/// Largest UDP answer, in bytes: what crosses any path without fragments (DNS flag day 2020).
pub const UDP_ANSWER_BYTES_MAX: u16 = 1_232;

/// UDP answer without EDNS, in bytes (RFC 1035 §4.2.1).
pub const UDP_ANSWER_BYTES_PLAIN: u16 = 512;

/// Records in one TCP answer (Consul: 4096).
pub const TCP_ANSWER_RECORDS_MAX: usize = 4_096;

/// Open DNS connections over TCP.
pub const DNS_CONNECTIONS_MAX: usize = 10_000;

/// Bytes of commands that wait for Raft at one time; beyond it a write waits for its turn.
pub const PROPOSED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One replicated command, in bytes, encoded.
pub const COMMAND_BYTES_MAX: usize = 4 * 1024 * 1024;
