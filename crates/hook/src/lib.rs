//! Decision hooks: when all else of a rule is met, the app is asked over HTTP and says yes or no.
//!
//! The rules are pure and ask [`Inquiry::answer`], which answers at once from memory. What it does not know, [`Inquiry::ask`]
//! asks the app, and the rules are put the same question again. Whatever goes wrong on the way is never a yes.

mod answer;
mod client;
mod flights;
mod hooks;
mod inquiry;
pub mod limits;
mod memory;
mod pause;
mod question;
mod settings;
mod trouble;
mod url;

pub use answer::{Keep, Verdict, verdict};
pub use hooks::{Counts, Hooks, Status};
pub use inquiry::Inquiry;
pub use question::Asked;
pub use settings::{HookSettings, OpenError, SettingFault};
pub use trouble::Trouble;
pub use url::{HookUrl, UrlFault};
