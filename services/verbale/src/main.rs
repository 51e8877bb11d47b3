//! The `verbale` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    verbale::app::main()
}
