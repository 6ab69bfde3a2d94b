//! A page: its blocks of code, its links, its headings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Languages of blocks that somebody is to run or to build something of.
const COMMANDS: [&str; 13] = [
    "sh", "bash", "shell", "zsh", "console", "terminal", "python", "java", "js", "php", "promql", "sql",
    "rust",
];
/// Languages of blocks that show something.
const SHOWN: [&str; 6] = ["text", "json", "jsonl", "toml", "yaml", "avsc"];

/// What an HTML comment says of the block behind it, or of all blocks of its page that have no comment of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `<!-- run by FILE -->`: the test or step in that file runs it.
    RunBy(String),
    /// `<!-- not run: needs WHAT -->`: nothing runs it.
    NotRun(String),
    /// `<!-- ci: … -->`: how the commands' step runs it ([`crate::ci`]).
    Ci(String),
}

impl Mark {
    fn parse(comment: &str) -> Option<Self> {
        let text = comment.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
        let after = |start: &str| text.strip_prefix(start).map(|rest| rest.trim().to_owned());
        (after("run by ").map(Mark::RunBy))
            .or(after("not run:").map(Mark::NotRun))
            .or(after("ci:").map(Mark::Ci))
    }
}

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Line of its fence, from 1.
    pub line: usize,
    /// First word behind the fence.
    pub language: String,
    /// Its text.
    pub text: String,
    /// What the comments right before it say.
    pub marks: Vec<Mark>,
}

impl Block {
    /// Whether somebody is to run it.
    #[must_use]
    pub fn is_command(&self) -> bool {
        COMMANDS.contains(&&*self.language)
    }

    /// Whether it only shows something.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        SHOWN.contains(&&*self.language)
    }
}

/// A link or an image.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its line, from 1.
    pub line: usize,
    /// Where it leads, as written.
    pub to: String,
}

/// A Markdown file.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its path below the repository's top.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// What a comment that is before no block says of all blocks.
    pub mark: Option<Mark>,
    /// Its fenced blocks, in order.
    pub blocks: Vec<Block>,
    /// Its links, in order.
    pub links: Vec<Link>,
    /// The anchors of its headings.
    pub anchors: BTreeSet<String>,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(root: &Path, path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(root.join(path))
            .with_context(|| format!("failed to read {}", path.display()))?;
        Ok(Self::parse(path, text))
    }

    /// Takes a text apart.
    #[must_use]
    pub fn parse(path: &Path, text: String) -> Self {
        let mut page = Self {
            path: path.to_owned(),
            text: String::new(),
            mark: None,
            blocks: Vec::new(),
            links: Vec::new(),
            anchors: BTreeSet::new(),
        };
        let line_of = |offset: usize| text[..offset].matches('\n').count() + 1;
        let mut comments: Vec<Mark> = Vec::new();
        let (mut heading, mut seen) = (None::<String>, BTreeMap::<String, u32>::new());
        let mut inside = false;
        for (event, range) in Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter() {
            // A comment with something else than a block behind it is about the page.
            let of_comment = matches!(event, Event::Start(Tag::HtmlBlock) | Event::End(_) | Event::Html(_));
            if !of_comment && !matches!(event, Event::Start(Tag::CodeBlock(_))) {
                page.mark = comments.drain(..).next_back().or(page.mark);
            }
            match event {
                Event::Html(html) => comments.extend(html.lines().filter_map(Mark::parse)),
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    let language = info.split_whitespace().next().unwrap_or_default().to_owned();
                    let marks = std::mem::take(&mut comments);
                    page.blocks.push(Block {
                        line: line_of(range.start),
                        language,
                        text: String::new(),
                        marks,
                    });
                    inside = true;
                }
                Event::End(TagEnd::CodeBlock) => inside = false,
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(Link { line: line_of(range.start), to: dest_url.into_string() });
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let slug = slug(&heading.take().unwrap_or_default());
                    let times = seen.entry(slug.clone()).or_default();
                    page.anchors.insert(if *times == 0 { slug } else { format!("{slug}-{times}") });
                    *times += 1;
                }
                Event::Text(piece) if inside => {
                    if let Some(block) = page.blocks.last_mut() {
                        block.text.push_str(&piece);
                    }
                }
                Event::Text(piece) | Event::Code(piece) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&piece);
                    }
                }
                _ => {}
            }
        }
        page.text = text;
        page
    }

    /// What is said of a block: by the comment before it, else by the page.
    #[must_use]
    pub fn mark_of<'a>(&'a self, block: &'a Block) -> Option<&'a Mark> {
        block.marks.last().or(self.mark.as_ref().filter(|_| block.is_command()))
    }
}

/// The anchor of a heading, as web views of repositories and mdBook make it.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Mark, Page};

    #[test]
    fn a_page_is_taken_apart() {
        let text = "# One `two`, three\n\n<!-- run by a.rs -->\n\nText with [a link](x.md#y).\n\n```sh\na\n```\n\n\
                    <!-- not run: needs b -->\n```sh\nb\n```\n\n```json\n{}\n```\n\n## Again\n\n## Again\n";
        let page = Page::parse(Path::new("p.md"), text.to_owned());
        let marks: Vec<_> =
            page.blocks.iter().map(|block| (block.line, page.mark_of(block).cloned())).collect();
        let (run, not) = (Mark::RunBy("a.rs".to_owned()), Mark::NotRun("needs b".to_owned()));
        assert_eq!(marks, [(7, Some(run)), (12, Some(not)), (16, None)]);
        assert_eq!(page.links[0].to, "x.md#y");
        assert_eq!(page.links[0].line, 5);
        assert_eq!(page.anchors.iter().collect::<Vec<_>>(), ["again", "again-1", "one-two-three"]);
    }
}
