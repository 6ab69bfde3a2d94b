//! Names and ids: short immutable strings that are shared rather than copied.

use std::sync::Arc;

/// A name or id of 1 to 256 bytes of UTF-8 without control characters (contracts.md, "In").
pub type Name = Arc<str>;

/// Bytes that an id or name may have.
pub const NAME_BYTES_MAX: usize = 256;

/// Characters that a project's name may have.
pub const PROJECT_CHARS_MAX: usize = 64;

/// Whether `text` can be an id or name. An empty one counts as missing, which is for the caller to say.
#[must_use]
pub fn is_valid_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control)
}

/// Whether `text` can name a project: `[A-Za-z0-9._-]{1,64}` (1.1).
#[must_use]
pub fn is_valid_project(text: &str) -> bool {
    (1..=PROJECT_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// What is put behind a project's name for the books of its test stream (1.6). No project's own name has a `~`.
pub const TEST_SUFFIX: &str = "~test";
