//! What is in deploy/, docker-compose.yml and Dockerfile: held against the field's own tools where those run without a
//! daemon or cluster, against the binary, and against each other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use daybook_tests::binary::{Binary, Ended, finish};
use daybook_tests::instance::{Instance, write_config};
use daybook_tests::python;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> Result<String> {
    std::fs::read_to_string(root().join(file)).with_context(|| file.to_owned())
}

/// The files of a folder that hold manifests, kustomize's own aside.
fn manifests(folder: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root().join(folder))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "yaml") && !path.ends_with("kustomization.yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn yaml(files: &[PathBuf]) -> Result<Vec<Value>> {
    let ended = finish(python::script("yaml_to_json.py")?.args(files))?;
    let found: Vec<Value> = serde_json::from_str(&ended.with(0)?.stdout)?;
    Ok(found.into_iter().map(|mut entry| entry["document"].take()).collect())
}

/// What Kubernetes' schemas find wrong.
fn faults(files: &[PathBuf]) -> Result<String> {
    let ended = finish(python::script("manifests.py")?.args(files))?;
    Ok(ended.with(0)?.stdout.clone())
}

/// `daybook run --check` with a configuration and variables.
fn checked(config: &Path, variables: &[(String, String)]) -> Result<Ended> {
    let mut command = Binary::under_test()?.command();
    command.args(["run", "--check", "--config"]).arg(config).envs(variables.iter().cloned());
    finish(&mut command)
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

#[test]
fn manifests_are_what_kubernetes_takes() -> Result<()> {
    let files = [manifests("deploy/kubernetes/base")?, manifests("deploy/kubernetes/example")?].concat();
    ensure!(files.len() >= 10, "{files:?}");
    let said = faults(&files)?;
    ensure!(said.is_empty(), "{said}");
    let said = faults(&[root().join("tests/fixtures/kubernetes/broken.yaml")])?;
    ensure!(said.contains("replicas"), "a broken manifest is taken: {said}");
    Ok(())
}

#[test]
fn kustomizations_name_every_manifest() -> Result<()> {
    for folder in ["base", "example", "components/prometheus-operator"] {
        let folder = format!("deploy/kubernetes/{folder}");
        let listed = yaml(&[root().join(&folder).join("kustomization.yaml")])?.remove(0);
        let named: BTreeSet<PathBuf> = ["resources", "components"]
            .iter()
            .flat_map(|key| texts(&listed[*key]))
            .map(|name| root().join(&folder).join(name))
            .collect();
        for path in &named {
            ensure!(path.exists(), "{folder} names {}, which there is not", path.display());
        }
        for path in manifests(&folder)? {
            ensure!(named.contains(&path), "{folder} does not name {}", path.display());
        }
    }
    Ok(())
}

/// Of the base and the example, the one document of a kind and name.
fn document(kind: &str, name: &str) -> Result<Value> {
    let folders = ["base", "example", "components/prometheus-operator"];
    let files = folders.map(|folder| manifests(&format!("deploy/kubernetes/{folder}")));
    let files = files.into_iter().collect::<Result<Vec<_>>>()?.concat();
    let mut found = yaml(&files)?.into_iter().filter(|d| d["kind"] == kind && d["metadata"]["name"] == name);
    found.next().with_context(|| format!("there is no {kind} {name}"))
}

#[test]
fn the_pods_configuration_is_accepted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("daybook.toml");
    let map = document("ConfigMap", "daybook")?;
    std::fs::write(&config, map["data"]["daybook.toml"].as_str().context("no daybook.toml")?)?;
    let set = document("StatefulSet", "daybook")?;
    let pod = &set["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let secret = document("Secret", "daybook")?;
    let mut variables = Vec::new();
    for variable in container["env"].as_array().context("no env")? {
        let from = &variable["valueFrom"];
        let value = if from["secretKeyRef"]["name"] == "daybook" {
            let key = from["secretKeyRef"]["key"].as_str().context("no key")?;
            secret["stringData"][key].as_str().with_context(|| format!("the secret has no {key}"))?
        } else if from["fieldRef"]["fieldPath"] == "metadata.name" {
            "daybook-0"
        } else {
            bail!("where is the value of {variable} from?")
        };
        variables.push((variable["name"].as_str().unwrap_or_default().to_owned(), value.to_owned()));
    }
    let said = checked(&config, &variables)?;
    let said = &said.with(0)?.stdout;
    for line in ["instance = \"daybook-0\"", "listen = \"0.0.0.0:8080\"", "organization = \"acme-inc\""] {
        ensure!(said.contains(line), "{line} is not in\n{said}");
    }
    // Kubernetes' own variables for a service called daybook would be refused: they must stay off.
    let link = ("DAYBOOK_SERVICE_HOST".to_owned(), "10.0.0.1".to_owned());
    ensure!(checked(&config, &[link])?.code == Some(4), "service links would do");
    let job = document("Job", "daybook-topics-apply")?;
    for pod in [pod, &job["spec"]["template"]["spec"]] {
        ensure!(pod["enableServiceLinks"] == false, "{pod}");
        let container = &pod["containers"][0];
        ensure!(container["securityContext"]["readOnlyRootFilesystem"] == true, "{container}");
        ensure!(texts(&container["securityContext"]["capabilities"]["drop"]) == ["ALL"], "{container}");
        ensure!(pod["securityContext"]["runAsNonRoot"] == true, "{pod}");
        arguments_are_taken(&texts(&container["args"]))?;
    }
    // What it is given to end is more than it takes.
    let drain = said.lines().find_map(|line| line.strip_prefix("drain_seconds = ")?.parse::<u64>().ok());
    let grace = pod["terminationGracePeriodSeconds"].as_u64();
    ensure!(grace.zip(drain).is_some_and(|(grace, drain)| grace >= drain + 30), "{grace:?} {drain:?}");
    Ok(())
}

/// clap takes the arguments: they are tried with `--help` behind them, which it prints only if it knows the command.
fn arguments_are_taken(arguments: &[&str]) -> Result<()> {
    let known = Binary::under_test()?.run(arguments.iter().chain(&["--help"]))?;
    let options = arguments.iter().filter(|argument| argument.starts_with("--"));
    for option in options {
        ensure!(known.with(0)?.stdout.contains(option), "{arguments:?}: there is no {option}");
    }
    Ok(())
}

#[test]
fn probes_ask_what_an_instance_answers() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = write_config(folder.path(), "127.0.0.1:0")?;
    let instance = Instance::run(&Binary::under_test()?, &config)?;
    // As the startup probe does.
    daybook_tests::wait::until("it to be ready", Duration::from_secs(60), || {
        Ok((instance.get("/readyz")?.status == 200).then_some(()))
    })?;
    let set = document("StatefulSet", "daybook")?;
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let path = container[probe]["httpGet"]["path"].as_str().with_context(|| format!("no {probe}"))?;
        let answer = instance.get(path)?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.body);
    }
    // The image's own check.
    let port = instance.base.rsplit_once(':').map(|(_, port)| port.to_owned()).context("no port")?;
    let listen = format!("0.0.0.0:{port}");
    let health = |listen: &str| {
        let mut command = Binary::under_test()?.command();
        finish(command.arg("health").env("DAYBOOK_HTTP__LISTEN", listen))
    };
    health(&listen)?.with(0)?;
    instance.stop()?;
    health(&listen)?.with(1)?;
    Ok(())
}

#[test]
fn selectors_find_what_they_are_for() -> Result<()> {
    let labels_of = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let set = document("StatefulSet", "daybook")?;
    let pod = labels_of(&set["spec"]["template"]["metadata"]["labels"]);
    let headless = document("Service", "daybook-instances")?;
    let selectors = [
        ("StatefulSet", set["spec"]["selector"]["matchLabels"].clone()),
        ("Service daybook", document("Service", "daybook")?["spec"]["selector"].clone()),
        ("Service daybook-instances", headless["spec"]["selector"].clone()),
        (
            "PodDisruptionBudget",
            document("PodDisruptionBudget", "daybook")?["spec"]["selector"]["matchLabels"].clone(),
        ),
        (
            "NetworkPolicy",
            document("NetworkPolicy", "daybook")?["spec"]["podSelector"]["matchLabels"].clone(),
        ),
    ];
    for (whose, selector) in &selectors {
        let selector = labels_of(selector);
        ensure!(!selector.is_empty(), "{whose} selects everything");
        ensure!(
            selector.iter().all(|(key, value)| pod.get(key) == Some(value)),
            "{whose} selects other pods"
        );
    }
    // A service must not take the Job's pod, and an instance is scraped once.
    let job = document("Job", "daybook-topics-apply")?;
    let job = labels_of(&job["spec"]["template"]["metadata"]["labels"]);
    let (_, service) = &selectors[1];
    ensure!(labels_of(service).iter().any(|(key, value)| job.get(key) != Some(value)), "the Job is served");
    let monitor = document("ServiceMonitor", "daybook")?;
    let scraped = labels_of(&monitor["spec"]["selector"]["matchLabels"]);
    let matches = |service: &Value| {
        let labels = labels_of(&service["metadata"]["labels"]);
        scraped.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    ensure!(
        matches(&headless) && !matches(&document("Service", "daybook")?),
        "instances are not scraped once"
    );
    ensure!(set["spec"]["serviceName"] == headless["metadata"]["name"], "the StatefulSet has no service");
    Ok(())
}

fn compose() -> Result<Value> {
    Ok(yaml(&[root().join("docker-compose.yml")])?.remove(0))
}

#[test]
fn the_compose_file_names_what_there_is() -> Result<()> {
    let compose = compose()?;
    let services = compose["services"].as_object().context("no services")?;
    for (name, service) in services {
        let image = service["image"].as_str().with_context(|| format!("{name} has no image"))?;
        ensure!(image.contains(':') && !image.ends_with(":latest"), "{name}: {image} may be anything");
        for volume in texts(&service["volumes"]) {
            let (source, _) = volume.split_once(':').unwrap_or(("", volume));
            if let Some(path) = source.strip_prefix("./") {
                ensure!(root().join(path).exists(), "{name} mounts {path}, which there is not");
                ensure!(volume.ends_with(":ro"), "{name} may write {path}");
            } else if !source.is_empty() {
                ensure!(compose["volumes"].get(source).is_some(), "{name}: no volume {source}");
            }
        }
        for secret in service["secrets"].as_array().into_iter().flatten() {
            let secret = secret.as_str().or(secret["source"].as_str()).context("a secret without a name")?;
            let file =
                compose["secrets"][secret]["file"].as_str().with_context(|| format!("no secret {secret}"))?;
            ensure!(root().join(file).is_file(), "{name}: no file {file}");
        }
        for on in service["depends_on"].as_object().into_iter().flatten() {
            let other = services
                .get(on.0)
                .with_context(|| format!("{name} waits for {}, which there is not", on.0))?;
            ensure!(
                on.1["condition"] != "service_healthy" || other["healthcheck"]["test"].is_array(),
                "{name}: {on:?}"
            );
        }
        ensure!(!service["healthcheck"].is_null(), "{name} has no healthcheck and does not say so");
        for port in texts(&service["ports"]) {
            ensure!(port.starts_with("127.0.0.1:"), "{name}: {port} is open to everybody");
        }
    }
    // Grafana looks for dashboards where they are mounted.
    let provisioned = yaml(&[root().join("deploy/grafana/provisioning/dashboards/daybook.yml")])?.remove(0);
    let path = provisioned["providers"][0]["options"]["path"].as_str().context("no path")?;
    let mounts = texts(&services["grafana"]["volumes"]);
    ensure!(
        mounts.contains(&format!("./deploy/grafana/dashboards:{path}:ro").as_str()),
        "{path}: {mounts:?}"
    );
    // Prometheus' key is where its configuration looks for it.
    let prometheus = yaml(&[root().join("deploy/prometheus/prometheus.yml")])?.remove(0);
    let key =
        prometheus["scrape_configs"][0]["authorization"]["credentials_file"].as_str().context("no key")?;
    let target = services["prometheus"]["secrets"][0]["target"].as_str().unwrap_or_default();
    ensure!(Path::new("/etc/prometheus").join(key) == Path::new(target), "{key} is not {target}");
    Ok(())
}

#[test]
fn the_compose_file_s_containers_of_daybook_run() -> Result<()> {
    let compose = compose()?;
    let mut commands = Vec::new();
    for (name, service) in compose["services"].as_object().context("no services")? {
        if !service["image"].as_str().is_some_and(|image| image.starts_with("daybook:")) {
            continue;
        }
        let arguments = texts(&service["command"]);
        arguments_are_taken(&arguments)?;
        // What is mounted at /etc/daybook is there.
        for file in arguments.iter().filter_map(|argument| argument.strip_prefix("/etc/daybook/")) {
            ensure!(root().join("deploy/compose").join(file).is_file(), "{name}: no {file}");
        }
        ensure!(service["read_only"] == true && service["user"] == "10001:10001", "{name}: {service}");
        ensure!(texts(&service["cap_drop"]) == ["ALL"], "{name}: {service}");
        commands.push(arguments[0].to_owned());
    }
    commands.sort();
    ensure!(commands == ["run", "settings", "simulate", "topics"], "{commands:?}");
    let config = root().join("deploy/compose/daybook.toml");
    checked(&config, &[])?.with(0)?;
    let settings = root().join("deploy/compose/settings.toml").to_string_lossy().into_owned();
    Binary::under_test()?.run(["settings", "apply", "--check", "--file", &settings])?.with(0)?;
    // Prometheus' key is an operator's.
    let key = read("deploy/compose/operator-key.demo")?;
    let config: toml::Table = read("deploy/compose/daybook.toml")?.parse()?;
    let keys = config["http"]["api_keys"].as_array().context("no keys")?;
    let of_operator =
        |entry: &toml::Value| entry["project"].as_str() == Some("*") && entry["key"].as_str() == Some(&key);
    ensure!(keys.iter().any(of_operator), "Prometheus' key opens nothing");
    Ok(())
}

#[test]
fn dockerfile_and_manifests_agree() -> Result<()> {
    let file = read("Dockerfile")?;
    // A line that ends in a backslash goes on.
    let joined = file.replace("\\\n", " ");
    let of = |word: &str| -> Vec<&str> {
        joined.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).map(str::trim).collect()
    };
    ensure!(of("USER") == ["10001:10001"], "{:?}", of("USER"));
    ensure!(of("FROM").len() == 2 && of("FROM")[1] == "debian:bookworm-slim", "{:?}", of("FROM"));
    let set = document("StatefulSet", "daybook")?;
    let pod = &set["spec"]["template"]["spec"];
    ensure!(pod["securityContext"]["runAsUser"] == 10001, "{pod}");
    let state = of("VOLUME").first().map(|v| (*v).to_owned()).context("no VOLUME")?;
    let mounts = pod["containers"][0]["volumeMounts"].as_array().context("no mounts")?;
    ensure!(mounts.iter().any(|m| m["mountPath"] == *state), "{state} is not mounted");
    // ENTRYPOINT, CMD and the health check are commands that there are; its variables are settings.
    let list = |text: &str| serde_json::from_str::<Vec<String>>(text).with_context(|| text.to_owned());
    ensure!(
        list(of("ENTRYPOINT").first().context("no ENTRYPOINT")?)? == ["daybook"],
        "{:?}",
        of("ENTRYPOINT")
    );
    let cmd = list(of("CMD").first().context("no CMD")?)?;
    arguments_are_taken(&cmd.iter().map(String::as_str).collect::<Vec<_>>())?;
    let health = of("HEALTHCHECK").first().and_then(|h| h.split_once("CMD ")).context("no HEALTHCHECK")?.1;
    let health = list(health)?;
    ensure!(health[0] == "daybook", "{health:?}");
    arguments_are_taken(&health[1..].iter().map(String::as_str).collect::<Vec<_>>())?;
    let words = of("ENV").join(" ");
    let variables = words.split_whitespace().filter_map(|word| word.split_once('='));
    let variables: Vec<_> = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    ensure!(variables.len() == 3, "{variables:?}");
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("empty.toml");
    std::fs::write(&config, "")?;
    let said = checked(&config, &variables)?;
    ensure!(said.with(0)?.stdout.contains(&format!("folder = \"{state}\"")), "{}", said.stdout);
    Ok(())
}

#[test]
fn the_image_s_build_is_given_what_cargo_reads() -> Result<()> {
    // .dockerignore lets through what is named with an exclamation mark alone.
    let ignore = read(".dockerignore")?;
    let let_through: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    ensure!(ignore.lines().any(|line| line == "*"), "everything is let through");
    let is_let_through = |path: &str| {
        let_through.iter().any(|prefix| path == *prefix || path.starts_with(&format!("{prefix}/")))
    };
    for path in &let_through {
        ensure!(root().join(path).exists(), "there is no {path}");
    }
    let metadata = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()?;
    let metadata: Value = serde_json::from_slice(&metadata.stdout).context("no metadata")?;
    let top = root().canonicalize()?;
    let relative = |path: &Value| -> Result<String> {
        let path = Path::new(path.as_str().context("no path")?);
        Ok(path.strip_prefix(&top)?.to_string_lossy().into_owned())
    };
    let mut count = 0;
    for package in metadata["packages"].as_array().context("no packages")? {
        let manifest = relative(&package["manifest_path"])?;
        ensure!(is_let_through(&manifest), "{manifest} is not let through");
        for target in package["targets"].as_array().context("no targets")? {
            let source = relative(&target["src_path"])?;
            ensure!(is_let_through(&source), "{source} is not let through");
            count += 1;
        }
    }
    ensure!(
        count > 20 && is_let_through("Cargo.lock") && !is_let_through("docs/kafka.md"),
        "{count} targets"
    );
    Ok(())
}

/// The unit with a binary that is there; `change` is made to it.
fn unit(folder: &Path, change: (&str, &str)) -> Result<PathBuf> {
    let binary = Binary::under_test()?.command();
    let program = Path::new(binary.get_program()).canonicalize()?;
    let text = read("deploy/systemd/daybook.service")?;
    let with_binary = text.replace("/usr/bin/daybook run", &format!("{} run", program.display()));
    ensure!(text != with_binary && text.contains(change.0), "the unit has changed");
    let path = folder.join("daybook.service");
    std::fs::write(&path, with_binary.replace(change.0, change.1))?;
    Ok(path)
}

fn analyzed(arguments: &[&str], unit: &Path) -> Result<Ended> {
    finish(Command::new("systemd-analyze").args(arguments).arg(unit))
}

#[test]
fn the_systemd_unit_is_verified_and_hardened() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let good = unit(folder.path(), ("DynamicUser=yes", "DynamicUser=yes"))?;
    let said = analyzed(&["verify", "--man=no"], &good)?;
    ensure!(said.code == Some(0) && said.stderr.is_empty(), "{said:?}");
    // Tenths of an exposure of 10: 9.6 is a unit that says nothing, 1.2 this one.
    let security = ["security", "--offline=true", "--no-pager", "--threshold=15"];
    analyzed(&security, &good)?.with(0)?;
    let open = unit(folder.path(), ("CapabilityBoundingSet=\n", ""))?;
    ensure!(analyzed(&security, &open)?.code != Some(0), "a unit with all capabilities is as good");
    let wrong = unit(folder.path(), ("DynamicUser=yes", "DynamicUsers=yes"))?;
    let said = analyzed(&["verify", "--man=no"], &wrong)?;
    ensure!(said.stderr.contains("DynamicUsers"), "{said:?}");
    Ok(())
}
