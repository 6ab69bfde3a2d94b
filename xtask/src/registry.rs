//! `cargo xtask registry`: a real schema registry, Apicurio's, with Confluent's interface.

use std::fs::{File, create_dir_all, read_to_string, remove_file, rename, write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;

use crate::command::{program, run as finish, target_folder};
use crate::kafka::{lock, process};
use crate::tools;

/// The newest that runs under Java 17: those after it want 21.
const VERSION: &str = "3.0.9";
const DEFAULT_PORT: u16 = 18_081;
/// Path of Confluent's interface.
const INTERFACE: &str = "/apis/ccompat/v7";
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const PERIOD: Duration = Duration::from_millis(50);

/// Arguments of `registry`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where its log is; its schemas are in memory and end with it [default: registry in cargo's target folder]
    #[arg(long, global = true)]
    folder: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Starts it, where it does not run, and waits until it answers; the last line is `registry URL`
    Start(Start),
    /// Stops it; its schemas are gone
    Stop,
}

#[derive(clap::Args)]
struct Start {
    /// Its port, at 127.0.0.1
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// PEM file of its certificate: it speaks HTTPS
    #[arg(long, requires = "key")]
    certificate: Option<PathBuf>,
    /// PEM file of the certificate's key
    #[arg(long, requires = "certificate")]
    key: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => target_folder()?.join("registry"),
    };
    match &arguments.command {
        Task::Start(arguments) => start(&folder, arguments),
        Task::Stop => stop(&folder),
    }
}

/// Where one without a certificate is that listens at a port.
pub fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}{INTERFACE}")
}

/// The program; what is not there yet is downloaded.
pub fn provide() -> Result<PathBuf> {
    let parent = target_folder()?.join("registry-jars");
    let folder = parent.join(VERSION);
    if !folder.is_dir() {
        create_dir_all(&parent).with_context(|| format!("failed to make {}", parent.display()))?;
        let _lock = lock::exclusive(&parent.join("lock"))?;
        // Another process may have been at it.
        if !folder.is_dir() {
            download(&parent, &folder)?;
        }
    }
    Ok(folder.join(format!("apicurio-registry-app-{VERSION}-runner.jar")))
}

/// The folder appears whole or not at all.
fn download(parent: &Path, folder: &Path) -> Result<()> {
    let part = tempfile::Builder::new().prefix("part-").tempdir_in(parent)?;
    let unpacked = part.path().join("unpacked");
    create_dir_all(&unpacked)?;
    println!("downloading Apicurio Registry {VERSION}");
    let artifact = format!("-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all");
    let target = format!("-DoutputDirectory={}", part.path().display());
    let mut maven = program(tools::maven()?);
    maven.args(["--quiet", "--batch-mode", "-Dstyle.color=never", "dependency:copy", &artifact, &target]);
    let output = maven.output().context("failed to start mvn")?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "failed to download Apicurio Registry: mvn ended with {}\n{said}",
        output.status
    );
    let archive = part.path().join(format!("apicurio-registry-app-{VERSION}-all.tar.gz"));
    finish(program("tar").arg("--extract").arg("--file").arg(archive).arg("--directory").arg(&unpacked))?;
    rename(unpacked, folder).with_context(|| format!("failed to make {}", folder.display()))
}

fn start(folder: &Path, arguments: &Start) -> Result<()> {
    create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let _lock = lock::exclusive(&folder.join("lock"))?;
    let jar = provide()?;
    let how = match pid(&folder) {
        Some(_) => "already running",
        None => {
            launch(&folder, &jar, arguments)?;
            "started"
        }
    };
    wait(&folder, arguments.port)?;
    println!("registry: {how}, pid {}, log {}", pid(&folder).unwrap_or(0), log(&folder).display());
    let url = url(arguments.port);
    println!(
        "registry {}",
        if arguments.certificate.is_some() { url.replace("http:", "https:") } else { url }
    );
    Ok(())
}

fn launch(folder: &Path, jar: &Path, arguments: &Start) -> Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port))
        .with_context(|| format!("port {} is taken; --port takes others", arguments.port))?;
    let log_file = File::create(log(folder)).context("failed to make its log")?;
    let mut java = Command::new(tools::java()?);
    // Its own folder's name is among the arguments: that is what tells the process apart.
    java.args(["-Xmx512m", "-jar"]).arg(jar).arg(folder).current_dir(folder);
    java.env("QUARKUS_HTTP_HOST", "127.0.0.1");
    match (&arguments.certificate, &arguments.key) {
        (Some(certificate), Some(key)) => java
            .env("QUARKUS_HTTP_INSECURE_REQUESTS", "disabled")
            .env("QUARKUS_HTTP_SSL_PORT", arguments.port.to_string())
            .env("QUARKUS_HTTP_SSL_CERTIFICATE_FILES", certificate.canonicalize()?)
            .env("QUARKUS_HTTP_SSL_CERTIFICATE_KEY_FILES", key.canonicalize()?),
        _ => java.env("QUARKUS_HTTP_PORT", arguments.port.to_string()),
    };
    java.stdin(Stdio::null()).stdout(log_file.try_clone()?).stderr(log_file);
    // A group of its own: an interrupt from the terminal is not meant for it.
    let child = java.process_group(0).spawn().context("failed to start java")?;
    write(pid_file(folder), format!("{}\n", child.id())).context("failed to write a pid file")
}

/// Waits until it accepts connections, which it does once it is ready.
fn wait(folder: &Path, port: u16) -> Result<()> {
    let begun = Instant::now();
    loop {
        let Some(pid) = pid(folder) else {
            bail!("the registry has ended; its log: {}", log(folder).display())
        };
        if process::listens(pid, port) {
            return Ok(());
        }
        if begun.elapsed() > START_LIMIT {
            bail!("the registry does not listen at port {port}; its log: {}", log(folder).display());
        }
        thread::sleep(PERIOD);
    }
}

fn stop(folder: &Path) -> Result<()> {
    let folder = folder.canonicalize().with_context(|| format!("{} holds no registry", folder.display()))?;
    let Some(running) = pid(&folder) else {
        println!("registry: not running");
        return Ok(());
    };
    let begun = Instant::now();
    process::signal(running, process::Signal::Term)?;
    while pid(&folder).is_some() {
        if begun.elapsed() > STOP_LIMIT {
            process::signal(running, process::Signal::Kill)?;
        }
        thread::sleep(PERIOD);
    }
    println!("registry: stopped, pid {running}");
    // It tells nothing any more, and nothing is lost where it stays.
    let _ = remove_file(pid_file(&folder));
    Ok(())
}

fn pid(folder: &Path) -> Option<u32> {
    let pid = read_to_string(pid_file(folder)).ok()?.trim().parse().ok()?;
    process::runs(pid, folder).then_some(pid)
}

fn pid_file(folder: &Path) -> PathBuf {
    folder.join("pid")
}

fn log(folder: &Path) -> PathBuf {
    folder.join("registry.log")
}
