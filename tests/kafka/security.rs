//! TLS and SASL SCRAM to a real broker, TLS to a real schema registry, by plain configuration; certificates are made here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::{Binary, finish};
use daybook_tests::instance::{Instance, OPERATOR_KEY};
use daybook_tests::kafka::{Broker, Registry};
use daybook_tests::wait;

const LIMIT: Duration = Duration::from_secs(60);
/// Of the broker's listener without TLS; those with it follow.
const PORT: u16 = 21_392;
const SASL_PORT: u16 = PORT + 1;
const MUTUAL_PORT: u16 = PORT + 2;
const REGISTRY_PORT: u16 = 21_381;
const PAYMENT: &str = r#"{"track":[{"name":"Charge","payload":[{"eventId":"e1","userId":"ann","data":{"amount":"10.50","currency":"USD",
    "status":"succeeded"}}]}]}"#;

/// An authority, and what it has signed.
struct Certificates(PathBuf);

impl Certificates {
    fn new(folder: &Path) -> Result<Self> {
        let this = Self(folder.to_owned());
        this.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem")?;
        // As of another authority: it is not the one that has signed.
        this.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=other -keyout other.key -out other.pem")?;
        fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost")?;
        for name in ["server", "client"] {
            this.openssl(&format!("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"))?;
            this.openssl(&format!("x509 -req -days 2 -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -out {name}.pem"))?;
        }
        // Kafka takes both from one file.
        let both =
            fs::read_to_string(this.file("server.key"))? + &fs::read_to_string(this.file("server.pem"))?;
        fs::write(this.file("server-both.pem"), both)?;
        Ok(this)
    }

    fn openssl(&self, arguments: &str) -> Result<()> {
        let mut openssl = Command::new("openssl");
        openssl.args(arguments.split(' ')).current_dir(&self.0);
        finish(&mut openssl)?.with(0).map(drop)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn path(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }
}

/// A broker with a listener for SCRAM over TLS, and one for clients with certificates of their own.
fn broker(folder: &Path, certificates: &Certificates) -> Result<daybook_tests::kafka::AnotherBroker> {
    let properties = folder.join("broker.properties");
    let keys = certificates.path("server-both.pem");
    let listeners = format!(
        "PLAINTEXT://127.0.0.1:{PORT},SASL_SSL://127.0.0.1:{SASL_PORT},MUTUAL://127.0.0.1:{MUTUAL_PORT}"
    );
    fs::write(
        &properties,
        format!(
            "listeners={listeners},CONTROLLER://127.0.0.1:{}\nadvertised.listeners={listeners}\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,MUTUAL:SSL\n\
             sasl.enabled.mechanisms=SCRAM-SHA-512\nlistener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\nssl.keystore.type=PEM\nssl.keystore.location={keys}\n\
             ssl.truststore.type=PEM\nssl.truststore.location={}\nlistener.name.mutual.ssl.client.auth=required\n",
            PORT + 1_000,
            certificates.path("ca.pem"),
        ),
    )?;
    let broker = Broker::start_another(folder, PORT, &properties)?;
    let user = "SCRAM-SHA-512=[password=a-secret-of-the-test]";
    broker.0.tool(
        "configs",
        &["--alter", "--add-config", user, "--entity-type", "users", "--entity-name", "daybook"],
    )?;
    Ok(broker)
}

/// Properties and registry of a configuration that is right.
fn right(certificates: &Certificates, registry: &str) -> String {
    let ca = certificates.path("ca.pem");
    format!(
        "[kafka]\nbootstrap_servers = \"127.0.0.1:{SASL_PORT}\"\njournal_partitions = 2\n\n[kafka.properties]\n\
         \"security.protocol\" = \"SASL_SSL\"\n\"sasl.mechanism\" = \"SCRAM-SHA-512\"\n\"sasl.username\" = \"daybook\"\n\
         \"sasl.password\" = \"a-secret-of-the-test\"\n\"ssl.ca.location\" = \"{ca}\"\n\n\
         [registry]\nurl = \"{registry}\"\nca_file = \"{ca}\"\n"
    )
}

struct Place {
    folder: tempfile::TempDir,
    binary: Binary,
}

impl Place {
    fn config(&self, text: &str) -> Result<PathBuf> {
        let file = self.folder.path().join("daybook.toml");
        let state = self.folder.path().join("state");
        let rest = format!(
            "[log]\nfolder = {state:?}\n[http]\nlisten = \"127.0.0.1:0\"\n[[http.api_keys]]\norganization = \"ops\"\n\
             project = \"*\"\nkey = \"{OPERATOR_KEY}\"\n[logging]\nformat = \"json\"\n"
        );
        fs::write(&file, format!("{text}\n{rest}"))?;
        Ok(file)
    }

    fn run(&self, config: &str, arguments: &[&str]) -> Result<daybook_tests::binary::Ended> {
        let config = self.config(config)?;
        self.binary.run(arguments.iter().map(Path::new).chain([Path::new("--config"), &config]))
    }

    /// Fails, and says why; never the password.
    fn fails(&self, config: &str, says: &str) -> Result<()> {
        let ended = self.run(config, &["topics", "apply", "--check"])?;
        let said = format!("{}{}", ended.stdout, ended.stderr);
        ensure!(ended.code != Some(0) && said.contains(says), "{:?} instead of {says:?}\n{said}", ended.code);
        ensure!(!said.contains("secret"), "{said}");
        Ok(())
    }
}

#[test]
fn tls_and_scram_to_the_broker_and_tls_to_the_registry() -> Result<()> {
    let place = Place { folder: tempfile::tempdir()?, binary: Binary::under_test()? };
    let folder = place.folder.path();
    let certificates = Certificates::new(folder)?;
    let broker = broker(folder, &certificates)?;
    let (certificate, key) = (certificates.file("server.pem"), certificates.file("server.key"));
    let registry = Registry::start(folder, REGISTRY_PORT, Some((&certificate, &key)))?;
    let right = right(&certificates, &registry.url);

    place.run(&right, &["topics", "apply"])?.with(0)?;
    let instance = Instance::run(&place.binary, &place.config(&right)?)?;
    let answer = instance.track("shop", PAYMENT.as_bytes())?;
    ensure!(answer.status == 202, "{answer:?}");
    wait::until("the payment to be in the books", LIMIT, || {
        let entries = instance.query("/api/v1/projects/shop/entries");
        Ok(entries.is_ok_and(|entries| entries["entry_count"] == 1).then_some(()))
    })
    .with_context(|| instance.said())?;
    instance.stop()?;
    place.run(&right, &["verify"])?.with(0)?;
    let shown = place.run(&right, &["run", "--check"])?;
    ensure!(!shown.with(0)?.stdout.contains("a-secret-of-the-test"), "{}", shown.stdout);

    let without_password = right.replace("a-secret-of-the-test", "another-secret");
    place
        .fails(&without_password, "Authentication failed during authentication due to invalid credentials")?;
    let (ca, other) = (certificates.path("ca.pem"), certificates.path("other.pem"));
    place.fails(&right.replacen(&ca, &other, 1), "certificate verify failed")?;
    let (head, of_registry) = right.split_once("[registry]").context("no registry")?;
    place.fails(
        &format!("{head}[registry]{}", of_registry.replace(&ca, &other)),
        "certificate verify failed",
    )?;
    place.fails(
        &format!("{head}[registry]{}", of_registry.replace("https:", "http:")),
        "the schema registry does not answer",
    )?;

    // Clients with certificates of their own.
    let mutual = format!(
        "[kafka]\nbootstrap_servers = \"127.0.0.1:{MUTUAL_PORT}\"\njournal_partitions = 2\n[kafka.properties]\n\
         \"security.protocol\" = \"SSL\"\n\"ssl.ca.location\" = \"{ca}\"\n"
    );
    let own = format!(
        "\"ssl.certificate.location\" = \"{}\"\n\"ssl.key.location\" = \"{}\"\n",
        certificates.path("client.pem"),
        certificates.path("client.key")
    );
    place.run(&format!("{mutual}{own}"), &["topics", "apply", "--check"])?.with(0)?;
    place.fails(&mutual, "alert bad certificate")?;
    drop(broker);
    Ok(())
}
