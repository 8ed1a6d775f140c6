//! `maso completions`: a shell's completions, made from the command line's own description.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::CommandFactory as _;

use crate::{
    cli::{Cli, Completions},
    fault::Fault,
};

pub fn run(args: &Completions) -> Result<ExitCode, Fault> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "maso", &mut script);
    match io::stdout().write_all(&script) {
        // Whoever closed it wants no more.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fault::new("cannot write the completions", error))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
