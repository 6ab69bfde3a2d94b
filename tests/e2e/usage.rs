//! Wrong use ends with a code of its own and a message that says what is wrong.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::instance::{Instance, write_config};

/// Runs a command line in a folder; words of it that start with `@` are files there.
fn run(binary: &Binary, folder: &Path, line: &str) -> Result<(Option<i32>, String)> {
    let words = line.split_whitespace().map(|word| match word.strip_prefix('@') {
        Some(file) => folder.join(file),
        None => PathBuf::from(word),
    });
    let ended = binary.run(words)?;
    Ok((ended.code, format!("{}{}", ended.stdout, ended.stderr)))
}

#[test]
fn codes_and_messages() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    fs::create_dir(folder.path().join("full"))?;
    for (name, text) in [
        ("unknown.toml", "[http]\nlisten_on = \"127.0.0.1:0\"\n"),
        ("type.toml", "[http]\nlisten = 8080\n"),
        ("range.toml", "[intake]\nrecord_bytes_max = 1\n"),
        ("broken.toml", "[http\n"),
        ("short.toml", "[[http.api_keys]]\norganization = \"o\"\nproject = \"p\"\nkey = \"short\"\n"),
        ("settings.toml", "[acme]\ncurrency = \"USD\"\n"),
        ("settings-key.toml", "[acme]\ncurency = \"USD\"\n"),
        ("settings-float.toml", "[acme.fees.stripe]\npercent = 2.9\n"),
        ("settings-name.toml", "[\"a/b\"]\ncurrency = \"USD\"\n"),
        ("charges.jsonl", "{}\n"),
        ("full/file", ""),
    ] {
        fs::write(folder.path().join(name), text)?;
    }
    let mut wrong = Vec::new();
    for (line, code, says) in [
        ("", 2, "Usage"),
        ("audit", 2, "audit"),
        ("run --confg x", 2, "--confg"),
        ("demo --rate 0", 2, "--rate"),
        ("demo --listen nowhere", 2, "--listen"),
        ("process --charges @charges.jsonl", 2, "--out"),
        ("process --input-format csv --out @o", 2, "csv"),
        ("verify", 2, "FOLDER"),
        ("verify @full --url http://127.0.0.1:1", 2, "--url"),
        ("export", 2, "beancount"),
        ("export ledger", 2, "FOLDER"),
        ("export balance-sheet @full --as-of 2026-02-30", 2, "YYYY-MM-DD"),
        ("run --config @absent.toml", 4, "absent.toml"),
        ("run --config @unknown.toml", 4, "listen_on"),
        ("run --config @type.toml", 4, "listen"),
        ("run --config @range.toml", 4, "intake.record_bytes_max"),
        ("run --config @broken.toml", 4, "broken.toml"),
        ("run --config @short.toml", 4, "http.api_keys[0].key"),
        ("settings apply --check --file @settings-key.toml", 4, "curency"),
        ("settings apply --check --file @settings-float.toml", 4, "fees.stripe.percent"),
        ("settings apply --check --file @settings-name.toml", 4, "a/b"),
        ("settings apply --check --file @settings.toml", 0, "1 project"),
        ("process --settings @settings-key.toml --charges @charges.jsonl --out @o1", 4, "curency"),
        ("process --charges @charges.jsonl --out @full", 4, "not empty"),
        ("process --charges @charges.jsonl --as-of tomorrow --out @o2", 4, "--as-of"),
        ("process --charges @charges.jsonl --project a/b --out @o3", 4, "--project"),
        ("process --charges @charges.jsonl --input-format kcat --out @o4", 4, "charges.jsonl line 1"),
        ("process --charges @absent.jsonl --out @o5", 4, "absent.jsonl"),
        ("process --settings @absent.toml --charges @charges.jsonl --out @o6", 4, "absent.toml"),
        ("settings apply --file @absent.toml", 4, "absent.toml"),
        ("verify @absent", 4, "absent"),
        ("export csv @absent", 4, "absent"),
        ("export csv @absent --out @full", 4, "absent"),
        ("verify --url http://127.0.0.1:1 --api-key x", 1, "127.0.0.1:1"),
        ("--version", 0, "daybook 0."),
        ("--help", 0, "verify"),
    ] {
        let (found, said) = run(&binary, folder.path(), line)?;
        if found != Some(code) || !said.contains(says) || said.contains("panicked") {
            wrong.push(format!(
                "`{line}` ended with {found:?} and said:\n{said}\ninstead of {code} and: {says}"
            ));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn a_folder_belongs_to_one_process() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    let config = write_config(folder.path(), "127.0.0.1:0")?;
    let instance = Instance::run(&binary, &config)?;
    for line in ["run --config @daybook.toml", "verify @log", "demo --listen 127.0.0.1:0 --folder @log"] {
        let (code, said) = run(&binary, folder.path(), line)?;
        ensure!(code == Some(5), "`{line}` ended with {code:?}\n{said}");
        ensure!(said.contains("in use by another process"), "`{line}`: {said}");
    }
    let taken = instance.base.trim_start_matches("http://");
    let other = tempfile::tempdir()?;
    write_config(other.path(), taken)?;
    let (code, said) = run(&binary, other.path(), "run --config @daybook.toml")?;
    ensure!(code == Some(1) && said.contains(taken), "a port in use: {code:?}\n{said}");
    ensure!(instance.get("/livez")?.status == 200, "the first one suffers");
    instance.stop().context("the first one")
}

#[test]
fn the_configuration_in_effect_hides_secrets() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = write_config(folder.path(), "127.0.0.1:0")?;
    let ended = Binary::under_test()?.run([
        Path::new("run"),
        Path::new("--check"),
        Path::new("--config"),
        &config,
    ])?;
    let said = &ended.with(0)?.stdout;
    ensure!(said.contains("listen = \"127.0.0.1:0\"") && said.contains("********"), "{said}");
    ensure!(!said.contains(daybook_tests::instance::OPERATOR_KEY), "the key is printed");
    Ok(())
}
