//! Programs that the checks need beside Rust's own.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{program, read, root, run, target_folder};
use crate::{kafka, registry};

/// Names under which the browser is found.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Programs that read exports, and the packages that they are in.
const ACCOUNTING: [(&str, &str); 3] =
    [("ledger", "ledger"), ("hledger", "hledger"), ("bean-query", "beancount")];

/// Programs that run examples and check what is deployed, and the packages that they are in.
const EXAMPLES: [(&str, &str, &str); 7] = [
    ("openssl", "openssl", "the tests with certificates"),
    ("javac", "openjdk-17-jdk-headless", "the producer in Java"),
    ("npm", "npm", "the producer in Node"),
    ("php", "php-cli", "the WooCommerce example"),
    ("jq", "jq", "the pages of webhooks"),
    ("groff", "groff-base", "the manual page's test"),
    ("systemd-analyze", "systemd", "the systemd unit's test"),
];

/// The oldest Java that Kafka's brokers run under.
const JAVA: u32 = 17;

/// Sees to it that everything is there.
pub fn provide() -> Result<()> {
    // librdkafka is built against the system's OpenSSL.
    if read(program("pkg-config").args(["--exists", "openssl"])).is_err() {
        install("pkg-config", "the build")?;
        install("libssl-dev", "the build")?;
    }
    if browser().is_none() {
        install("chromium", "the page's test")?;
    }
    if find("kcat").is_none() {
        install("kcat", "the tests on Kafka")?;
    }
    if find("curl").is_none() {
        install("curl", "the README's commands")?;
    }
    if browser().is_none() || find("curl").is_none() {
        bail!("chromium or curl is still missing after its installation");
    }
    for (name, package) in ACCOUNTING {
        if find(name).is_none() {
            install(package, "the exports' tests")?;
        }
    }
    // Debian's package holds both.
    if find("prometheus").is_none() || find("promtool").is_none() {
        install("prometheus", "the monitoring's tests")?;
    }
    java()?;
    maven()?;
    for (name, package, why) in EXAMPLES {
        if find(name).is_none() {
            install(package, why)?;
        }
    }
    python()?;
    kafka::jars::provide()?;
    registry::provide()?;
    Ok(())
}

/// Python in an environment that has what `tests/python/requirements.txt` names, made where it is not as that says.
pub fn python() -> Result<PathBuf> {
    let folder = target_folder()?.join("test-python");
    let (interpreter, done) = (folder.join("bin/python"), folder.join("requirements.txt"));
    let file = root().join("tests/python/requirements.txt");
    let wanted = fs::read(&file).with_context(|| format!("failed to read {}", file.display()))?;
    if fs::read(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(interpreter);
    }
    // Debian has Python without what makes environments.
    if find("python3").is_none() || read(program("python3").args(["-c", "import ensurepip, venv"])).is_err() {
        install("python3-venv", "the tests in Python")?;
    }
    run(program("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(program(&interpreter).args(pip).arg(&file))?;
    fs::write(&done, wanted).with_context(|| format!("failed to write {}", done.display()))?;
    Ok(interpreter)
}

/// The browser.
pub fn browser() -> Option<PathBuf> {
    BROWSERS.into_iter().find_map(find)
}

/// Java, new enough for Kafka.
pub fn java() -> Result<PathBuf> {
    if find("java").is_none() {
        install("openjdk-17-jre-headless", "Apache Kafka")?;
    }
    let java = find("java").context("java is still missing after its installation")?;
    // It is printed where errors are.
    let output = program(&java).arg("-version").output().context("failed to start java")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let version =
        java_version(&said).with_context(|| format!("`java -version` names no version:\n{said}"))?;
    ensure!(version >= JAVA, "Apache Kafka needs Java {JAVA} or newer; {} is Java {version}", java.display());
    Ok(java)
}

/// Of `openjdk version "17.0.15" 2025-04-15`; up to 8, it was `1.8`.
fn java_version(said: &str) -> Option<u32> {
    let (_, version) = said.split_once("version \"")?;
    let version = version.strip_prefix("1.").unwrap_or(version);
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Maven, which downloads Kafka.
pub fn maven() -> Result<PathBuf> {
    if find("mvn").is_none() {
        install("maven", "the download of Apache Kafka")?;
    }
    find("mvn").context("mvn is still missing after its installation")
}

/// Where a program is.
pub fn find(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn install(package: &str, why: &str) -> Result<()> {
    let is_root = read(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !is_root || find("apt-get").is_none() {
        bail!(
            "{why} needs {package}, which is not on the PATH; install it \
             (Debian, Ubuntu: sudo apt-get install {package})"
        );
    }
    let apt = || {
        let mut command = program("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(apt().args(["update", "--quiet"]))?;
    run(apt().args(["install", "--yes", "--quiet", "--no-install-recommends", package]))
}

#[cfg(test)]
mod tests {
    use super::java_version;

    #[test]
    fn versions_of_java() {
        for (said, version) in [
            ("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime …", Some(17)),
            ("Picked up JAVA_TOOL_OPTIONS: -Da=\"b\"\nopenjdk version \"21\" 2023-09-19", Some(21)),
            ("openjdk version \"25-ea\" 2025-09-16", Some(25)),
            ("java version \"1.8.0_392\"", Some(8)),
            ("nothing", None),
        ] {
            assert_eq!(java_version(said), version, "{said}");
        }
    }
}
