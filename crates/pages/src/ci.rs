//! The fenced blocks of a Markdown text, and what the comment before each says of it.
//!
//! ```text
//! <!-- ci: run -->                       it must end with 0
//! <!-- ci: run, ends the last background -->   the same; what was started last is gone after it
//! <!-- ci: run until it prints this -->  the same, again and again until it prints the block of `text` behind it
//! <!-- ci: background until URL -->      it runs on, up to the next such block or a stop; URL must answer
//! <!-- ci: another background until URL -->    the same, and what runs already runs on beside it
//! <!-- ci: stop -->                      before another comment: what runs on is asked to end
//! <!-- ci: self -->                      it is the command that checks all this
//! <!-- ci: skip: REASON -->              it is not run
//! ```
//!
//! A block of `text` right behind one that is run is what that must print; times of day are passed over.

use std::fmt;

use anyhow::{Result, bail};

/// Languages of commands; `sh` is the one that is used.
const SHELLS: [&str; 5] = ["bash", "shell", "zsh", "console", "terminal"];

/// A block of commands.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// Line of its fence, from 1.
    pub line: usize,
    /// What is to be done with it.
    pub mode: Mode,
    /// Whether what runs in the background is to end before it.
    pub stops: bool,
    /// Its text.
    pub text: String,
    /// What it must print: the block of `text` right behind it.
    pub prints: Option<String>,
}

/// What is to be done with a block.
#[derive(Debug, PartialEq, Eq)]
pub enum Mode {
    /// Run it.
    Run {
        /// Whether it ends what was started last in the background.
        ends_last: bool,
        /// Whether it is run until it prints what it must.
        again: bool,
    },
    /// Run it in the background, and go on once an address answers.
    Background {
        /// The address.
        until: String,
        /// Whether what runs in the background runs on.
        another: bool,
    },
    /// It is the command that runs this check.
    Itself,
    /// Leave it out.
    Skip {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Run { again: true, .. } => write!(f, "run until it prints what it must"),
            Mode::Run { ends_last: false, .. } => write!(f, "run"),
            Mode::Run { ends_last: true, .. } => write!(f, "run, which ends the last in the background"),
            Mode::Background { until, .. } => write!(f, "in the background until {until} answers"),
            Mode::Itself => write!(f, "is this check itself"),
            Mode::Skip { reason } => write!(f, "skipped: {reason}"),
        }
    }
}

/// A text in which all times of day are the same, and lines end where their last letter is.
#[must_use]
pub fn without_times(text: &str) -> String {
    // 2026-01-20T23:12:34.567Z, letter by letter; 0 is any digit.
    const TIME: &[u8] = b"0000-00-00T00:00:00.000Z";
    let mut out = String::new();
    for line in text.lines() {
        let mut rest = line.trim_end();
        while let Some(first) = rest.chars().next() {
            let is_time = rest.len() >= TIME.len()
                && rest.bytes().zip(TIME).all(|(a, b)| if *b == b'0' { a.is_ascii_digit() } else { a == *b });
            let (shown, taken) =
                if is_time { ("TIME", TIME.len()) } else { (&rest[..first.len_utf8()], first.len_utf8()) };
            out.push_str(shown);
            rest = &rest[taken..];
        }
        out.push('\n');
    }
    out
}

/// Every `sh` block, in order.
///
/// # Errors
/// A block has no comment, or a comment has no block or is none of the known ones.
pub fn parse(text: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().zip(1..).peekable();
    let (mut mode, mut stops) = (None, false);
    // Whether the block before is one that is run, with nothing but empty lines since.
    let mut behind_run = false;
    while let Some((line, number)) = lines.next() {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix("<!-- ci:") {
            let Some(comment) = comment.strip_suffix("-->") else {
                bail!("line {number}: the comment does not end on its line");
            };
            match comment.trim() {
                "stop" => stops = true,
                comment if mode.is_none() => mode = Some(mode_of(comment, number)?),
                _ => bail!("line {number}: a second comment for one block"),
            }
        } else if let Some(language) = line.strip_prefix("```") {
            let mut text = String::new();
            for (line, _) in lines.by_ref().take_while(|(line, _)| line.trim() != "```") {
                text.push_str(line);
                text.push('\n');
            }
            if SHELLS.contains(&language) {
                bail!("line {number}: write `sh` instead of `{language}`, so that the block is checked");
            }
            match (language == "sh", mode.take()) {
                (true, Some(mode)) => {
                    behind_run = matches!(mode, Mode::Run { .. });
                    blocks.push(Block { line: number, mode, stops, text, prints: None });
                }
                (true, None) => bail!("line {number}: no `<!-- ci: … -->` before this block"),
                (false, None) if !stops => {
                    let before = blocks.last_mut().filter(|_| behind_run && language == "text");
                    if let Some(before) = before {
                        before.prints = Some(text);
                    }
                    behind_run = false;
                }
                (false, _) => bail!("line {number}: a ci comment before a block that is no `sh`"),
            }
            stops = false;
        } else if !line.is_empty() {
            if mode.is_some() || stops {
                bail!("line {number}: a ci comment without its block");
            }
            behind_run = false;
        }
    }
    let silent =
        blocks.iter().find(|b| matches!(b.mode, Mode::Run { again: true, .. }) && b.prints.is_none());
    if let Some(block) = silent {
        bail!("line {}: no block of `text` behind it says what it must print", block.line);
    }
    if mode.is_some() || stops { bail!("a ci comment at the end without its block") } else { Ok(blocks) }
}

fn mode_of(comment: &str, number: usize) -> Result<Mode> {
    if comment == "run" {
        return Ok(Mode::Run { ends_last: false, again: false });
    }
    if comment == "run, ends the last background" {
        return Ok(Mode::Run { ends_last: true, again: false });
    }
    if comment == "run until it prints this" {
        return Ok(Mode::Run { ends_last: false, again: true });
    }
    if comment == "self" {
        return Ok(Mode::Itself);
    }
    for (start, another) in [("background until ", false), ("another background until ", true)] {
        if let Some(until) = comment.strip_prefix(start) {
            return Ok(Mode::Background { until: until.trim().to_owned(), another });
        }
    }
    match comment.strip_prefix("skip:").map(str::trim) {
        Some(reason) if !reason.is_empty() => Ok(Mode::Skip { reason: reason.to_owned() }),
        _ => bail!(
            "line {number}: `ci: {comment}` is none of run, background until URL, self, skip: REASON, stop"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, without_times};

    #[test]
    fn times_of_day_are_passed_over() {
        let with = "at 2026-01-20T23:12:34.567Z  \nday 2026-01-20, é";
        assert_eq!(without_times(with), "at TIME\nday 2026-01-20, é\n");
    }

    #[test]
    fn blocks_and_their_comments() {
        let stop = "<!-- ci: stop -->\n<!-- ci: run -->\n```sh\na\n\nb\n```\n";
        for (text, found) in [
            ("none", Ok("")),
            ("```toml\n[a]\n```\n", Ok("")),
            ("<!-- ci: run -->\n```sh\na\n```\n", Ok("2 run false a")),
            ("<!-- ci: run -->\n\n```sh\na\n```\n", Ok("3 run false a")),
            (stop, Ok("3 run true a  b")),
            (
                "<!-- ci: background until http://x/ -->\n```sh\na\n```\n",
                Ok("2 in the background until http://x/ answers false a"),
            ),
            (
                "<!-- ci: another background until http://x/ -->\n```sh\na\n```\n",
                Ok("2 in the background until http://x/ answers false a"),
            ),
            (
                "<!-- ci: run, ends the last background -->\n```sh\na\n```\n",
                Ok("2 run, which ends the last in the background false a"),
            ),
            ("<!-- ci: run -->\n```sh\na\n```\n\n```text\nb\n```\n", Ok("2 run false a prints b")),
            ("<!-- ci: run -->\n```sh\na\n```\n\nFor example:\n\n```text\nb\n```\n", Ok("2 run false a")),
            (
                "<!-- ci: run until it prints this -->\n```sh\na\n```\n```text\nb\n```\n",
                Ok("2 run until it prints what it must false a prints b"),
            ),
            ("<!-- ci: run until it prints this -->\n```sh\na\n```\n", Err("line 2: no block of `text`")),
            ("<!-- ci: self -->\n```sh\na\n```\n", Ok("2 is this check itself false a")),
            ("<!-- ci: skip: needs a key -->\n```sh\na\n```\n", Ok("2 skipped: needs a key false a")),
            (
                "<!-- ci: run -->\n```sh\n# <!-- ci: no comment here\n```\n",
                Ok("2 run false # <!-- ci: no comment here"),
            ),
            ("```sh\na\n```\n", Err("line 1: no `<!-- ci")),
            ("```bash\na\n```\n", Err("line 1: write `sh`")),
            ("<!-- ci: skip: -->\n```sh\na\n```\n", Err("line 1: `ci: skip:` is none")),
            ("<!-- ci: walk -->\n```sh\na\n```\n", Err("line 1: `ci: walk` is none")),
            ("<!-- ci: run\n-->\n```sh\na\n```\n", Err("line 1: the comment")),
            ("<!-- ci: run -->\ntext\n```sh\na\n```\n", Err("line 2: a ci comment without")),
            ("<!-- ci: run -->\n<!-- ci: run -->\n```sh\na\n```\n", Err("line 2: a second")),
            ("<!-- ci: run -->\n```toml\n```\n", Err("line 2: a ci comment before")),
            ("<!-- ci: stop -->\n", Err("a ci comment at the end")),
        ] {
            match (parse(text), found) {
                (Ok(blocks), Ok(found)) => {
                    let shown: Vec<String> = blocks
                        .iter()
                        .map(|b| {
                            let prints = b.prints.as_ref().map(|text| format!(" prints {}", text.trim()));
                            let text = b.text.trim().replace('\n', " ");
                            format!("{} {} {} {text}{}", b.line, b.mode, b.stops, prints.unwrap_or_default())
                        })
                        .collect();
                    assert_eq!(shown.join("\n"), found, "{text}");
                }
                (Err(error), Err(start)) => assert!(error.to_string().starts_with(start), "{error}"),
                (outcome, _) => panic!("{text}: {outcome:?}"),
            }
        }
    }
}
