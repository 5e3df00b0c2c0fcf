//! Every bound of the program, in one place, with its unit in its name.

mod http;

use std::time::Duration;

pub use self::http::*;

/// Longest node, service, check or tag name, in bytes. Consul has no bound; DNS cannot ask for more than
/// 255 octets (RFC 1035 §2.3.4), so a longer name could never be discovered.
pub const NAME_BYTES_MAX: usize = 255;

/// Longest KV key, in bytes. fjall keys end at 65,535 bytes, and ours carry a prefix.
pub const KV_KEY_BYTES_MAX: usize = 32 * 1024;

/// Largest KV value, in bytes (Consul's `kv_max_value_size`).
pub const KV_VALUE_BYTES_MAX: usize = 512 * 1024;

/// How long, at most, nobody gets a lock that its holder lost (Consul's `MaxLockDelay`).
pub const LOCK_DELAY_MAX: Duration = Duration::from_secs(60);

/// Shortest TTL of a session, unless `session_ttl_min` says otherwise.
pub const SESSION_TTL_MIN: Duration = Duration::from_secs(10);

/// Longest TTL of a session.
pub const SESSION_TTL_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Checks of one session.
pub const SESSION_CHECKS_MAX: usize = 256;

/// Longest name of a session, in bytes: it is for people, and part of a replicated command.
pub const SESSION_NAME_BYTES_MAX: usize = 64 * 1024;

/// Tags of one service.
pub const SERVICE_TAGS_MAX: usize = 512;

/// Entries of one metadata map (Consul: 64).
pub const META_ENTRIES_MAX: usize = 64;

/// Longest metadata key, in bytes (Consul: 128).
pub const META_KEY_BYTES_MAX: usize = 128;

/// Longest metadata value, in bytes (Consul: 512).
pub const META_VALUE_BYTES_MAX: usize = 512;

/// Network segments in which one node says where it is. Consul's servers are in all of its segments.
pub const COORDINATE_SEGMENTS_MAX: usize = 64;

/// Checks of one service or one node definition.
pub const CHECKS_MAX: usize = 256;

/// Kept check output, in bytes, unless `check_output_max_size` says otherwise.
pub const CHECK_OUTPUT_BYTES_MAX: usize = 4 * 1024;

/// Kept output of one check, in bytes, whatever a client or the configuration asks for: it is part of a
/// replicated command.
pub const CHECK_OUTPUT_KEPT_BYTES_MAX: usize = 1024 * 1024;

/// Longest name of a check for people, and longest notes, in bytes: with its output they share one
/// replicated command.
pub const CHECK_TEXT_BYTES_MAX: usize = 64 * 1024;

/// Shortest time between two runs of a check, in milliseconds (Consul's `MinInterval`).
pub const CHECK_INTERVAL_MIN_MS: u64 = 1_000;

/// Shortest `deregister_critical_service_after`, in milliseconds.
pub const DEREGISTER_AFTER_MIN_MS: u64 = 60_000;

/// Largest weight of a service instance: an SRV weight is 16 bits (RFC 2782).
pub const WEIGHT_MAX: u16 = u16::MAX;

/// Longest text of a prepared query, before and after a template is rendered, in bytes.
pub const QUERY_TEXT_BYTES_MAX: usize = 4_096;

/// Entries of one list of a prepared query: tags, checks that do not count, datacenters.
pub const QUERY_LIST_MAX: usize = 256;

/// Longest regular expression of a template, in bytes.
pub const QUERY_REGEXP_BYTES_MAX: usize = 1_024;

/// Memory of one compiled regular expression of a template, in bytes. They match in linear time.
pub const QUERY_REGEXP_COMPILED_BYTES_MAX: usize = 256 * 1024;

/// Parentheses, function calls and texts within texts of one template.
pub const QUERY_TEMPLATE_DEPTH_MAX: usize = 32;

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

/// Answers that one thread keeps to give them again, in bytes.
pub const DNS_CACHE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Queries that wait for what others say; one beyond it fails at once.
pub const DNS_QUERIES_WAITING_MAX: usize = 8_192;

/// Names of one chain of aliases that are looked up (Consul: 3).
pub const DNS_CHAIN_MAX: usize = 8;

/// Hosts that one answer points at whose addresses are looked up to be told beside it, and addresses of each.
pub const DNS_HOSTS_HELPED_MAX: usize = 8;

/// Connections of DNS over TCP, where the process may open twice as many files.
pub const DNS_TCP_CONNECTIONS_MAX: usize = 16_384;

/// Those of one client, where the process may open four times as many files: an IPv4 address, or an IPv6
/// network of 64 bits. Many programs can share one: all of a machine, all behind an address translation.
pub const DNS_TCP_CONNECTIONS_PER_CLIENT_MAX: usize = 8_192;

/// How long a connection of DNS over TCP may be idle (RFC 7766 §6.2.3: some seconds).
pub const DNS_TCP_IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The same while three quarters of all places are taken.
pub const DNS_TCP_IDLE_TIMEOUT_CROWDED: Duration = Duration::from_secs(2);

/// Time that a client has to send a message, beginning with its first byte.
pub const DNS_TCP_MESSAGE_TIMEOUT: Duration = Duration::from_secs(5);

/// Time that a client has to take the replies of one write, at most [`DNS_TCP_QUEUED_BYTES_MAX`] and the
/// last reply's bytes.
pub const DNS_TCP_WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of replies on one connection, beyond which no further query is answered until they are written.
pub const DNS_TCP_QUEUED_BYTES_MAX: usize = 16 * 1024;

/// Bytes that all connections of DNS over TCP may hold together, of messages that are not whole and of
/// replies that are not written; beyond it those that hold many are closed.
pub const DNS_TCP_HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of one connection that do not count as held: a usual query or reply is less.
pub const DNS_TCP_HELD_BYTES_FEW: usize = 2 * 1024;

/// Answers of one connection that may be under way; beyond it no further query is read.
pub const DNS_TCP_ANSWERS_UNDER_WAY_MAX: usize = 64;

/// Bytes of commands that wait for Raft at one time; beyond it a write waits for its turn.
pub const PROPOSED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One replicated command, in bytes, encoded.
pub const COMMAND_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A part of a backup that is restored, in bytes: one goes into a replicated command, and a few of them into one
/// replication.
pub const RESTORE_PART_BYTES: usize = 512 * 1024;

/// Largest state in a snapshot that is restored, in bytes, before it was packed.
pub const SNAPSHOT_STATE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// What stands in a snapshot beside the state, in bytes each: its description, its list of checksums.
pub const SNAPSHOT_TEXT_BYTES_MAX: u64 = 64 * 1024;

/// How many times larger a snapshot may be once it is unpacked, beyond [`SNAPSHOT_UNPACKED_BYTES_FREE`]: catalogs
/// shrink to a tenth or a fiftieth, decompression bombs to a thousandth.
pub const SNAPSHOT_RATIO_MAX: u64 = 200;

/// What a snapshot may unpack to, in bytes, whatever its own size.
pub const SNAPSHOT_UNPACKED_BYTES_FREE: u64 = 16 * 1024 * 1024;

/// Snapshots that are made at one time; one beyond it waits for its turn.
pub const SNAPSHOTS_MADE_MAX: usize = 4;

/// Time that a client has to take a piece of a snapshot of [`SNAPSHOT_PIECE_BYTES`], or to send the next bytes of
/// one.
pub const SNAPSHOT_PIECE_TIMEOUT: Duration = Duration::from_secs(60);

/// Time that a client has to send all of a snapshot.
pub const SNAPSHOT_BODY_TIMEOUT: Duration = Duration::from_secs(3_600);

/// A piece of a snapshot on its way to a client or from one, in bytes; a few of them are held.
pub const SNAPSHOT_PIECE_BYTES: usize = 64 * 1024;

/// How long parts of a restore are kept with which nobody goes on.
pub const STAGED_IDLE_MAX: Duration = Duration::from_secs(120);

/// Log entries that are read, replicated or applied at a time, in bytes; one larger entry goes alone.
pub const RAFT_APPEND_BYTES_MAX: usize = 1024 * 1024;

/// Services, and again checks, that one agent states. Each costs a file, a slot of the schedule and a row
/// of the catalog; more than this on one machine is a runaway registrar.
pub const AGENT_DEFINITIONS_MAX: usize = 65_536;

/// Programs that one agent's checks run at one time, and so processes that may hang beside each other;
/// one beyond it waits until another one ends or times out.
pub const SCRIPTS_RUNNING_MAX: usize = 128;

/// Probes other than programs that one agent runs at one time, where the process may open files enough.
/// It takes so many hung targets to delay others, by at most their timeout.
pub const SOCKETS_RUNNING_MAX: usize = 1_024;

/// The same where it may open few: many systems start a program with 1,024.
pub const SOCKETS_RUNNING_FEW: usize = 256;

/// All probes that one agent runs at one time.
pub const PROBES_RUNNING_MAX: usize = SCRIPTS_RUNNING_MAX + SOCKETS_RUNNING_MAX;

/// Host names of checks that are looked up at one time, each on a thread of its own; one beyond it waits
/// for as long as its probe may take.
pub const LOOKUPS_RUNNING_MAX: usize = 32;

/// Bytes read of an HTTP check's answer before the rest is ignored; the last of them are kept as output.
pub const CHECK_BODY_READ_BYTES_MAX: usize = 64 * 1024;

/// Header lines of one answer to a check over HTTP/2, in bytes.
pub const CHECK_HEADERS_BYTES_MAX: u32 = 16 * 1024;

/// Largest answer to a gRPC check, in bytes: it holds one number.
pub const GRPC_ANSWER_BYTES_MAX: usize = 4 * 1024;

/// Longest name of a systemd unit, in bytes (systemd's own bound).
pub const UNIT_NAME_BYTES_MAX: usize = 255;

/// Redirects that an HTTP check follows, as Go's client does.
pub const CHECK_REDIRECTS_MAX: usize = 10;

/// Largest file that the agent keeps for itself: a definition, or the states of all checks.
pub const KEPT_FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Registrations and deregistrations that an agent's synchronisation has under way at one time.
pub const SYNC_COMMANDS_MAX: usize = 64;

/// Checks of one such registration, in bytes: beside the largest service they stay below
/// [`COMMAND_BYTES_MAX`].
pub const SYNC_CHECKS_BYTES_MAX: usize = 1024 * 1024;

/// Calls that wait for the agent's task; beyond it a caller waits for its turn.
pub const AGENT_CALLS_MAX: usize = 64;

/// Largest answer that the command line takes from an agent, and largest input that it takes from a file
/// or stdin, in bytes: room for every value of a large KV store in one export.
pub const CLIENT_BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Faults of a configuration that are printed; nobody reads more.
pub const FAULTS_SHOWN_MAX: usize = 100;

/// Faults of one document that are kept.
pub const FAULTS_KEPT_MAX: usize = 1_000;

/// Entries of one map in a configuration or request document.
pub const MAP_ENTRIES_MAX: usize = 4_096;

/// HCL blocks that are merged into one object.
pub const BLOCKS_MAX: usize = 1_024;

/// Characters of an unknown key that are compared with known ones.
pub const KEY_COMPARED_CHARS_MAX: usize = 64;

/// Characters of an unknown key that an error repeats.
pub const KEY_SHOWN_CHARS_MAX: usize = 256;

/// Addresses of one configuration key.
pub const ADDRESSES_MAX: usize = 64;

/// Longest domain of ours, in bytes: names below it must fit 255 octets (RFC 1035 §2.3.4).
pub const DOMAIN_BYTES_MAX: usize = 120;

/// Operations of one transaction, Consul's newer number.
pub const TRANSACTION_OPERATIONS_MAX: usize = 128;

/// What one transaction may find, keys and values together, in bytes: 128 operations could each ask for the whole
/// store.
pub const TRANSACTION_FOUND_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Largest `check_output_max_size`, in bytes: output is part of a replicated command.
pub const CHECK_OUTPUT_SETTING_MAX: i64 = 1024 * 1024;

/// Largest `kv_max_value_size`, in bytes: a value and its key share one command of [`COMMAND_BYTES_MAX`].
pub const KV_VALUE_SETTING_MAX: i64 = 3 * 1024 * 1024;

/// Largest `txn_max_req_len`, in bytes: a transaction is one command of [`COMMAND_BYTES_MAX`].
pub const TXN_SETTING_MAX: i64 = 4 * 1024 * 1024;

/// All files of one zone, in bytes, each as often as it is included: room for some million names.
pub const ZONE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Files of one zone, each as often as it is included.
pub const ZONE_FILES_MAX: usize = 1_000;

/// Files of one zone that include each other.
pub const ZONE_INCLUDE_DEPTH_MAX: usize = 8;

/// Records of one zone.
pub const ZONE_RECORDS_MAX: usize = 8_000_000;

/// Types of one name of a zone: they are searched one by one.
pub const ZONE_NAME_TYPES_MAX: usize = 256;

/// Words of one record or directive of a zone file: every byte of the longest data as a word.
pub const ZONE_ENTRY_WORDS_MAX: usize = 65_536;

/// Aliases that a lookup in a zone follows (BIND: 16).
pub const ZONE_CHAIN_MAX: usize = 16;

/// Steps of one `$GENERATE`.
pub const GENERATE_STEPS_MAX: u32 = 1_048_576;

/// The line that a `$GENERATE` repeats, in bytes.
pub const GENERATE_TEMPLATE_BYTES_MAX: usize = 2_048;

/// Characters of a number in a `$GENERATE`.
pub const GENERATE_WIDTH_MAX: usize = 255;

/// Recursors of one agent.
pub const RECURSORS_MAX: usize = 16;

/// Longest `recursor_timeout`, in milliseconds.
pub const RECURSOR_TIMEOUT_MAX_MS: u64 = 10_000;

/// Time for one forwarded question, whatever the number of recursors; a client asks again long before.
pub const FORWARD_TIME_MAX: Duration = Duration::from_secs(10);

/// Questions that are forwarded at one time; each takes a socket. One beyond it fails at once.
pub const FORWARDS_MAX: usize = 512;

/// Answers of recursors that are kept, in bytes of memory.
pub const FORWARD_CACHE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Longest time that a record of a recursor's is kept without asking again, in seconds.
pub const FORWARD_TTL_MAX_SECS: u32 = 86_400;

/// Longest time that a recursor's "no" is kept, in seconds (RFC 2308 §5 speaks of one to three hours).
pub const FORWARD_NEGATIVE_TTL_MAX_SECS: u32 = 3 * 3_600;

/// How long after its end an answer may still be told where no recursor gives a newer one (RFC 8767 §5
/// speaks of one to three days).
pub const FORWARD_STALE_MAX: Duration = Duration::from_secs(86_400);

/// Replies that are no answer to our question, after which one recursor is asked over TCP instead: somebody
/// guesses.
pub const WRONG_REPLIES_MAX: usize = 16;

/// Largest reply over UDP that is read, in bytes; we ask for [`UDP_ANSWER_BYTES_MAX`], and a recursor that
/// sends more is heard too.
pub const UDP_REPLY_BYTES_MAX: usize = 4_096;

/// Lines of a log that wait to be written; one beyond it is dropped and counted.
pub const LOG_LINES_QUEUED_MAX: usize = 8_192;

/// User events that an agent keeps (Consul: 256).
pub const EVENTS_KEPT_MAX: usize = 256;

/// A user event with all that is said of it, in bytes, as Serf counts them: it has to share a datagram.
pub const EVENT_BYTES_MAX: usize = 512;

/// One condition of a user event, compiled, in bytes.
pub const EVENT_REGEX_BYTES_MAX: usize = 256 * 1024;

/// Clients that watch one agent's log.
pub const MONITORS_MAX: usize = 16;

/// Log lines that wait for one of them (Consul: 512); what comes then is dropped, and counted.
pub const MONITOR_LINES_MAX: usize = 512;
