//! The program: hands its arguments to the command line.

/// The agent makes and drops small things on many threads; see the dependency.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    lictor::cli::run(std::env::args_os().collect())
}
