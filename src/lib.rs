//! lictor: a DNS-first service-discovery server.
//!
//! # The map
//! A query comes down on the left, a write on the right; both meet in the published View.
//! ```text
//!         reads                                                writes
//!   socket bytes                                        HTTP · JSON/HCL files · CLI
//!       │ server/{udp,stream}                               │ api/ · intake/ · agent/ · cli/
//!       ▼                                                   ▼
//!   dns/question.rs   bytes → Question                  catalog/command.rs   Command
//!   dns/target        Question → Target                     │ publish::Propose → raft/node.rs
//!   dns/resolve       Target × View → Outcome ◄ zone/       ▼
//!   dns/answer.rs     Outcome → Answer        ◄ forward/  raft/log → raft/machine
//!   dns/{sheet,fit}.rs  Answer → bytes ≤ budget             │ catalog/apply/*   pure
//!       │                                                   ▼
//!       ▼                                               publish/   View (one Arc swap a batch) + wake-ups
//!   socket bytes  ◄────────── dns/ and api/ read ───────────┘   → blocking queries
//! ```
//! Three doors and no others: [`catalog::apply::apply`] is the only writer, [`publish::Reader::load`] the only
//! way to see data, [`dns::respond`] the only maker of DNS answers.
//!
//! # The rooms
//! A file imports from its own room and from rooms above it in this list; a test (`tests/it/tidy.rs`) reads
//! every `use crate::…` and knows what each room may know.
//!
//! | room | turns what into what |
//! |---|---|
//! | [`model`] | vocabulary: names, numbers, time, limits, what a catalog holds |
//! | [`acl`] | Policy → `Authorizer`: what a token may see and do |
//! | [`zone`] | zone files → `StaticZone`s; what a zone knows about a name |
//! | [`catalog`] | `Command × Catalog → Reply + Changes`, pure |
//! | [`publish`] | applied batches → immutable Views and wake-ups; the door for writes |
//! | [`dns`] | `respond(&Known, &Incoming, …) → bytes`, sans-io; Known is the View, the settings, the zones, what others said |
//! | [`forward`] | names that are not ours: `Ask` → what a recursor says |
//! | [`raft`] | openraft ⇄ fjall and catalog |
//! | [`leader`] | `View × Members × Now → Commands`: what the leader does by itself |
//! | [`intake`] | files → Definitions, Config and StaticZones, with file:line:column in every error |
//! | [`agent`] | what this machine says is true: local services, checks, synchronisation |
//! | [`api`] | Consul's HTTP API |
//! | [`server`] | the running program |
//! | [`cli`] | the human: commands, tables, errors with a hint |
//!
//! # One word, one thing
//! | word in code | means | not to be confused with |
//! |---|---|---|
//! | `Node` | a catalog node: a machine that runs services | `Member`: somebody the gossip sees · `Peer`: a member of the Raft cluster |
//! | `View` | an immutable, published catalog | `Backup`: a saved state, what Consul calls a snapshot |
//! | `Archive` | a Backup in the file that people keep: packed, described, summed and sealed | `View` |
//! | `Staged` | the parts of a Backup that are set aside in the catalog until one Command restores them | `Saved`: a state on its way to a peer |
//! | `Revision` | the number Consul calls index (`X-Consul-Index`) | `Lookup`: a secondary index inside the catalog |
//! | `Instance` | a service on a node, joined with its checks | `Service`: what was registered |
//! | `PreparedQuery` | a stored question for instances of a service, asked by its name | `Question`: what a client asked of DNS |
//! | `Row` | a piece of the catalog as it is stored | `KvPair`: a key with its value |
//! | `Entry` | a command in Raft's log | `Field`: a key with its value in a document · `NodeEntry`, `ServiceEntry`: a node or service with all that belongs to it |
//! | `Replica` | the catalog with its `Position` in the log | `LogContent`: what the log holds · `StateMachine`: what turns entries into a Replica |
//! | `CommitGroup` | entries that become durable together | `Group`: the processes of a script |
//! | `Filter`, `Shape` | which items of an HTTP answer stay, and what such items have | `Selection`: the same by parameters of their own (`tag`, `passing`) |
//! | `Subject` | what a read is about: topics, their revision, how much of them the answer shows | `Topic`: one thing that may change |
//! | `Place` | where something was stated: file, line, column | `Endpoint`: where the command line reaches an agent · `Position` |
//! | `Question → Target → Outcome → Answer → bytes` | the five stations of a query: what was asked, what it means in our name grammar, what the catalog knows, rcode and sections, the wire | "request/response" is only for HTTP and RPC |
//! | `Command → Reply + Change`s | the stations of a write: what to do, what the caller is told, which topics watchers see | `Reject`: refused by rule, part of `Reply` · `Fault`: something broke |
//! | `Session` | what a client holds locks by, for as long as it lives | `Connection`: who is connected |
//! | `Lock` | a key that one Session holds | `Mutex`: inside this process |
//! | `Propose` | the door through which a Command gets agreed on | `apply`: what is done once it is |
//! | `WireName` | a name as messages hold it | `QName`: the name of a question |
//! | `Addresses` | an address of each family, where there is one, of one place | `Address`: an address or a host name |
//! | `LogQueue` | where log lines wait for a thread that writes them | |
//! | `Sheet` | an Answer in bytes that can be copied into any message that asks the same | `Answer`: records, codes and reasons |
//! | `Setup` | DNS settings with what follows from them | `DnsConfig`: what the operator set |
//! | `Definition` | a service or check as a file or an agent call states it | `Service`/`Check`: what the catalog holds |
//! | `Adopted` | a service as it is stated, and as it is with the tags that others gave it | `Definition`: as it is stated |
//! | `Probe` | what a check does to find out | `Check`: the result and its identity |
//! | `StaticZone` | records from a zone file | `Domain`: the suffix that we own |
//! | `Set` | the records of one name and type in a StaticZone (the RFCs' RRset) | `Row`: a piece of the catalog |
//! | `Cut` | a name in a StaticZone that is delegated to other servers | `Referral`: what is answered there |
//! | `Language` | what a file is written in: JSON or HCL | `Layout`: for whom the command line prints |
//! | `Policy → Authorizer` | rules, and what answers handlers by them | `Tokens`: who knows which Authorizer a secret opens |
//! | `Enquiry → Explanation` | what somebody wants to know of DNS, and why it answers so | `Question`: what a client asked |
//! | `Ask → Fetched` | what DNS lacks for an answer, and what came of it | `Question`: what a client asked |
//! | `Recursor` | a DNS server that answers what is not ours | `Server`: an agent that keeps the catalog |
//! | `UserEvent` | what somebody fires for agents to see | `Event` in `tracing`: a line of the log |
//! | `Seeker` | whom `_agent` and `_ip` mean to whoever looks for what is near | `Asker`: how a DNS question wants to be answered |
//! | `Ruling` | whether a prepared query means an instance | `Verdict`: whether a service's name tells it |
//! | `Coordinate` | where a node is in the network, for estimates of round trips | `Address`: where it is reached |
//! | `Rules` | what an operator decided about all endpoints of the API: `http_config` | `Authorizer`: what one caller may do |
//! | `Vigil` | a blocking query that waits, and whether it does so itself | `Waiter`: what wakes it |
//! | `Herd` | blocking queries that wait for the same, of which one is awake | `Crowd`: connections of a bench |
//! | `Pulse` | whether there is a leader, and when it was heard | `Cluster`: all that is known of it |
//! | `ServerHealth` | how all servers are together, as one of them knows it | `Pulse`: whether there is a leader · `Check`: how a service or a node is |
//! | `Domain` | the suffix that we own (`consul.`) | `Datacenter` |
//! | `Own` | who a server says that it is, to whoever asks the API | `Identity`: who this machine is, before anybody is told |
//! | `Supernet` | what networks of reverse names are part of | `Network`: addresses in one zone of ours |

pub mod model;

pub mod acl;

pub mod zone;

pub mod catalog;

pub mod publish;

pub mod dns;

pub mod forward;

pub mod raft;

pub mod leader;

pub mod intake;

pub mod agent;

pub mod api;

pub mod server;

pub mod cli;
