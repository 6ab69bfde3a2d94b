//! `cargo xtask book`: docs/ as a book, by mdBook.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::command::{cargo, program, read, root, run as finish, target_folder};

const VERSION: &str = "0.5.4";
/// Where the pages are, in the repository and in what is built.
const PAGES: &str = "docs";

/// Builds the book, and installs mdBook first where it is not there.
pub fn run() -> Result<()> {
    let target = target_folder()?;
    let (source, book) = (target.join("book-source"), target.join("book"));
    for folder in [&source, &book] {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("failed to remove {}", folder.display()))?;
        }
    }
    // mdBook copies whatever is beside the pages; what examples have downloaded is none of the book's.
    let listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "book.toml", PAGES];
    for file in read(program("git").args(listed).current_dir(root()))?.split_terminator('\0') {
        stage(file, &source)?;
    }
    let output = program(mdbook(&target)?)
        .arg("build")
        .arg(&source)
        .arg("--dest-dir")
        .arg(book.join(PAGES))
        .output()?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    print!("{said}");
    ensure!(output.status.success(), "mdbook ended with {}", output.status);
    ensure!(!["WARN", "ERROR"].iter().any(|level| said.contains(level)), "mdbook is not content");
    // Pages lead to files outside the book by relative links: these are put beside it.
    let pages = daybook_pages::pages(root())?;
    for path in daybook_pages::linked_files(&pages) {
        let files = read(program("git").args(["ls-files", "-z", "--"]).arg(&path).current_dir(root()))?;
        for file in files.split_terminator('\0') {
            copy(&root().join(file), &book.join(file))?;
        }
    }
    let (links, dead) = links(&book.join(PAGES))?;
    ensure!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
    println!("{}: {links} links, all of which lead somewhere", book.join(PAGES).join("index.html").display());
    Ok(())
}

/// mdBook, of the version that the book is made for.
fn mdbook(target: &Path) -> Result<PathBuf> {
    let folder = target.join("tools");
    let binary = folder.join("bin/mdbook");
    if !read(program(&binary).arg("--version")).is_ok_and(|said| said.contains(VERSION)) {
        finish(cargo("install mdbook --locked --version").arg(VERSION).arg("--root").arg(folder))?;
    }
    Ok(binary)
}

/// Copies a file to where mdBook reads it. A README.md is the index.html of its folder there, and mdBook would lead links to a
/// README.html that there is not: it is called index.md instead.
fn stage(file: &str, source: &Path) -> Result<()> {
    let from = root().join(file);
    if !file.ends_with(".md") {
        return copy(&from, &source.join(file));
    }
    let to = source.join(file.replace("README.md", "index.md"));
    copy(&from, &to)?;
    let text =
        fs::read_to_string(&from)?.replace("README.md)", "index.md)").replace("README.md#", "index.md#");
    fs::write(&to, text).with_context(|| format!("failed to write {}", to.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    fs::copy(from, to).with_context(|| format!("failed to copy {}", from.display()))?;
    Ok(())
}

/// How many relative links the built pages have, and those that lead nowhere.
fn links(folder: &Path) -> Result<(usize, Vec<String>)> {
    let (mut count, mut dead, mut folders) = (0, Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html")
                && path.file_name().is_some_and(|name| name != "404.html")
            {
                let text = fs::read_to_string(&path)?;
                for link in text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                    let file = link.split(['#', '?']).next().unwrap_or_default();
                    if link.contains(':') || file.is_empty() {
                        continue;
                    }
                    count += 1;
                    if !folder.join(file).exists() {
                        dead.push(format!("{}: {link}", path.display()));
                    }
                }
            }
        }
    }
    Ok((count, dead))
}
