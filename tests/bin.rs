//! The `verbale` program, built beside the scenarios so that they can start it, and kill it.

use std::process::ExitCode;

fn main() -> ExitCode {
    verbale::app::main()
}
