//! Exit codes: a contract for scripts (docs/reference/exit-codes.md).

use std::fmt;
use std::process::ExitCode;

/// Expected ways to end, besides success (0) and wrong arguments (2, clap's).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something failed while running.
    Failed = 1,
    /// An invariant does not hold.
    NotVerified = 3,
    /// The configuration or settings are wrong.
    Misconfigured = 4,
    /// The folder belongs to another process.
    InUse = 5,
    /// The books can't be opened as they are: lost journal, foreign state, other layout.
    Damaged = 6,
}

impl Exit {
    /// All of them.
    #[cfg(test)]
    pub const ALL: [Exit; 5] =
        [Exit::Failed, Exit::NotVerified, Exit::Misconfigured, Exit::InUse, Exit::Damaged];

    /// What it says.
    #[cfg(test)]
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Failed => {
                "The command failed while running; the message says at what. Trying again may help."
            }
            Exit::NotVerified => "`verify` found an invariant that does not hold. Each violation is listed.",
            Exit::Misconfigured => {
                "The configuration, the settings or an input file is wrong; the message names the key or line."
            }
            Exit::InUse => {
                "The folder of the embedded log, or of the state, belongs to another running daybook."
            }
            Exit::Damaged => {
                "The books can't be opened as they are (another layout, lost journal records, state of other books); \
                 the message says how to recover."
            }
        }
    }
}

/// An error that ends the command with a code of its own.
#[derive(Debug)]
pub struct ExitWith {
    code: Exit,
    source: anyhow::Error,
}

impl ExitWith {
    /// `source` is to end the command with `code`.
    pub fn error(code: Exit, source: impl Into<anyhow::Error>) -> anyhow::Error {
        anyhow::Error::new(Self { code, source: source.into() })
    }
}

impl fmt::Display for ExitWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)
    }
}

impl std::error::Error for ExitWith {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.source()
    }
}

/// Tells people what went wrong and scripts the code.
// The last words go to the terminal, whatever becomes of the log.
#[allow(clippy::print_stderr)]
pub fn report(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    let code = error.chain().find_map(|e| e.downcast_ref::<ExitWith>()).map_or(Exit::Failed, |e| e.code);
    eprintln!("daybook: {error:#}");
    ExitCode::from(code as u8)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::Exit;

    #[test]
    fn the_reference_page_lists_every_code() {
        let mut page = String::from(
            "# Exit codes\n\n<!-- Generated from crates/cli/src/exit.rs: DAYBOOK_BLESS=1 cargo test -p daybook-cli -->\n\n\
             | code | meaning |\n| --- | --- |\n| 0 | Done. |\n| 2 | Wrong arguments; usage is printed. |\n",
        );
        for exit in Exit::ALL {
            writeln!(page, "| {} | {} |", exit as u8, exit.meaning()).expect("a string takes all");
        }
        crate::reference::check_page("exit-codes.md", &page);
    }
}
