//! Why a command cannot go on, told on stderr.

use std::fmt;
use std::io::Write;

use crate::cli::Exit;
use crate::config::Diagnostics;

#[derive(Debug)]
pub enum Trouble {
    /// The command line asks for something that makes no sense.
    Usage {
        message: String,
        hint: Option<String>,
    },
    /// It makes sense and did not work.
    Failed {
        message: String,
        hint: Option<String>,
    },
    Config(Diagnostics),
}

impl Trouble {
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::Usage { message: message.to_string(), hint: None }
    }

    pub fn failed(message: impl fmt::Display) -> Self {
        Self::Failed { message: message.to_string(), hint: None }
    }

    pub fn with_hint(self, text: impl Into<String>) -> Self {
        let hint = Some(text.into());
        match self {
            Self::Usage { message, .. } => Self::Usage { message, hint },
            Self::Failed { message, .. } => Self::Failed { message, hint },
            Self::Config(diagnostics) => Self::Config(diagnostics),
        }
    }

    /// Without the hint, on one line where it is one.
    pub fn message(&self) -> String {
        match self {
            Self::Usage { message, .. } | Self::Failed { message, .. } => message.clone(),
            Self::Config(diagnostics) => diagnostics.to_string(),
        }
    }

    pub fn tell(&self) -> Exit {
        // With stderr closed there is nobody to tell.
        let _ = write!(std::io::stderr().lock(), "{self}");
        match self {
            Self::Usage { .. } | Self::Config(_) => Exit::Usage,
            Self::Failed { .. } => Exit::Failed,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { message, hint } | Self::Failed { message, hint } => {
                writeln!(f, "error: {message}")?;
                match hint {
                    Some(hint) => writeln!(f, "hint: {hint}"),
                    None => Ok(()),
                }
            }
            Self::Config(diagnostics) => write!(f, "{diagnostics}"),
        }
    }
}

impl From<Diagnostics> for Trouble {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Config(diagnostics)
    }
}

/// Writes a command's data to stdout.
pub fn say(data: impl fmt::Display) -> Result<(), Trouble> {
    writeln!(std::io::stdout().lock(), "{data}")
        .map_err(|error| Trouble::failed(format!("cannot write to stdout: {error}")))
}

/// Talks to the person at the terminal.
pub fn tell(talk: impl fmt::Display) {
    // With stderr closed there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "{talk}");
}
