//! The producers of docs/producers, run by the commands of their pages: what they send is in the books, and sent again it
//! changes nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use daybook_pages::Mark;
use daybook_tests::binary::{Binary, finish, without_settings};
use daybook_tests::instance::{Instance, OPERATOR_KEY};
use daybook_tests::kafka::{Broker, Deployment, records};
use daybook_tests::wait;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::Value;

/// Downloads of Maven, npm and pip aside, all is quick.
const LIMIT: Duration = Duration::from_secs(60);
/// Names a schema registry: the address under which it has Confluent's API.
const REGISTRY: &str = "DAYBOOK_TEST_REGISTRY";
/// What pages call this file: those that do are run.
const RUNNER: &str = "tests/kafka/producers.rs";
/// Order and time that are sent twice.
const AGAIN: [&str; 2] = ["o-1", "2026-01-20T10:00:00.250Z"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The shell blocks of a page: those before the heading "In Avro", and those after.
fn blocks(page: &str) -> Result<[Vec<String>; 2]> {
    let path = Path::new("docs/producers").join(page);
    let pages = daybook_pages::run_by(RUNNER)?;
    let page = pages.into_iter().find(|page| page.path == path);
    let page = page.with_context(|| format!("{} does not say that {RUNNER} runs it", path.display()))?;
    let avro = page.text.lines().position(|line| line == "## In Avro").map_or(usize::MAX, |above| above + 1);
    let by_this = Some(Mark::RunBy(RUNNER.to_owned()));
    let (mut json, mut in_avro) = (Vec::new(), Vec::new());
    for block in
        page.blocks.iter().filter(|block| block.language == "sh" && page.mark_of(block) == by_this.as_ref())
    {
        let of = if block.line < avro { &mut json } else { &mut in_avro };
        of.push(block.text.trim().to_owned());
    }
    Ok([json, in_avro])
}

#[test]
fn each_page_that_says_so_is_run() -> Result<()> {
    let marked = daybook_pages::run_by(RUNNER)?;
    let marked: Vec<_> =
        marked.iter().filter_map(|page| page.path.to_str()?.strip_prefix("docs/producers/")).collect();
    let run = ["java", "kcat", "node", "python", "woocommerce"].map(|name| format!("{name}/README.md"));
    ensure!(marked == run, "say that they are run: {marked:?}");
    for page in run.iter().filter(|page| !["java/README.md", "python/README.md"].contains(&page.as_str())) {
        ensure!(blocks(page)?[1].is_empty(), "{page}: nothing runs its blocks in Avro");
    }
    Ok(())
}

/// A deployment that a producer sends to.
struct Shop {
    deployment: Deployment,
    instance: Instance,
    registry: String,
    _folder: tempfile::TempDir,
}

impl Shop {
    fn open(name: &str) -> Result<Self> {
        Self::open_with(name, String::new())
    }

    /// One whose instance knows a schema registry, where one is named, and publishes JSON all the same.
    fn open_with(name: &str, registry: String) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let binary = Binary::under_test()?;
        let deployment = Deployment::new(&Broker::under_test()?, &binary, folder.path(), name)?;
        let config = deployment.config("a")?;
        if !registry.is_empty() {
            let text = std::fs::read_to_string(&config)?;
            let section = format!("[registry]\nurl = \"{registry}\"\noutputs = \"json\"\n");
            std::fs::write(&config, format!("{text}\n{section}"))?;
        }
        let instance = Instance::run(&binary, &config)?;
        Ok(Self { deployment, instance, registry, _folder: folder })
    }

    /// Runs a page's command, which names the broker, topics and port of a first try.
    fn run(&self, block: &str) -> Result<String> {
        let here = block
            .replace("127.0.0.1:19092", &self.deployment.broker.bootstrap)
            .replace("revenue.daily -o", &format!("{} -o", self.deployment.topic("revenue.daily")))
            .replace("http://127.0.0.1:8080/acme-inc/", &format!("{}/ops/", self.instance.base))
            .replace("http://127.0.0.1:8080", &self.instance.base)
            .replace("projects/acme/", "projects/shop/")
            .replace("change-me-change-me", OPERATOR_KEY);
        let mut bash = Command::new("bash");
        bash.args(["-eu", "-o", "pipefail", "-c", &here]).current_dir(root());
        without_settings(&mut bash);
        bash.env("BOOTSTRAP_SERVERS", &self.deployment.broker.bootstrap)
            .env("CHARGES_TOPIC", self.deployment.topic("charges"))
            .env("SCHEMA_REGISTRY_URL", &self.registry);
        Ok(finish(&mut bash)?.with(0).with_context(|| block.to_owned())?.stdout.clone())
    }

    /// The books have so many payments of 19.90, each with a refund of 5.00 and a fee of 0.88.
    fn has(&self, payments: u64) -> Result<()> {
        self.deployment.settle()?;
        let mut sums = [0; 5];
        let rows = records(&self.deployment, "revenue.daily")?;
        let keys: std::collections::BTreeSet<_> = rows.iter().map(|row| &row.key).collect();
        for key in keys {
            let row = rows.iter().rfind(|row| row.key == *key).context("no row")?;
            let row: Value = serde_json::from_str(row.payload.as_deref().unwrap_or_default())?;
            ensure!(row["project_id"] == "shop" && row["currency"] == "USD", "{row}");
            for (sum, column) in sums.iter_mut().zip([
                "transaction_count",
                "gross_sales_minor",
                "refund_count",
                "refunds_minor",
                "platform_fees_minor",
            ]) {
                *sum += row[column].as_u64().context("a column is missing")?;
            }
        }
        let expected = [1, 1990, 1, 500, 88].map(|each| each * payments);
        ensure!(sums == expected, "{sums:?} instead of {expected:?}");
        Ok(())
    }

    /// Runs a page's blocks: set-up, then what sends, then what shows the books. Then the same order twice.
    fn page(&self, page: &str, again: impl Fn(&str) -> String) -> Result<()> {
        let [blocks, _] = blocks(page)?;
        let (show, rest) = blocks.split_last().context("a page without commands")?;
        let (send, set_up) = rest.split_last().context("a page that sends nothing")?;
        set_up.iter().try_for_each(|block| self.run(block).map(drop))?;
        self.run(send)?;
        let what = ["\"gross_sales_minor\":1990", "\"refunds_minor\":500", "\"platform_fees_minor\":88"];
        wait::until("the page to show the books", LIMIT, || {
            let shown = self.run(show)?;
            Ok(what.iter().all(|column| shown.contains(column)).then_some(()))
        })?;
        self.has(1)?;
        for _ in 0..2 {
            self.run(&again(send))?;
        }
        self.has(2)
    }

    /// Nothing was refused, and the books verify.
    fn close(self) -> Result<()> {
        self.instance.stop()?;
        let letters = records(&self.deployment, "charges.dlq")?;
        ensure!(letters.is_empty(), "{letters:?}");
        self.deployment.verify()
    }
}

/// A command with arguments behind it.
fn with_arguments(command: &str) -> String {
    format!("{command} {}", AGAIN.join(" "))
}

/// The same where Maven passes them on.
fn by_maven(command: &str) -> String {
    format!("{command} -Dexec.args='{}'", AGAIN.join(" "))
}

fn check(page: &str, name: &str, again: impl Fn(&str) -> String) -> Result<()> {
    let shop = Shop::open(name)?;
    shop.page(page, again).with_context(|| format!("{page}\n{}", shop.instance.said()))?;
    shop.close()
}

#[test]
fn kcat() -> Result<()> {
    check("kcat/README.md", "kcat", with_arguments)
}

#[test]
fn python() -> Result<()> {
    check("python/README.md", "python", with_arguments)
}

#[test]
fn node() -> Result<()> {
    check("node/README.md", "node", with_arguments)
}

#[test]
fn java() -> Result<()> {
    check("java/README.md", "java", by_maven)
}

/// By HTTP, under PHP's command line: the hook fires twice, the first request fails.
#[test]
fn woocommerce() -> Result<()> {
    // The block that shows the books needs what the one before it has exported.
    let [blocks, _] = blocks("woocommerce/README.md")?;
    let [send, show] = blocks.as_slice() else { bail!("{} blocks", blocks.len()) };
    let (exports, harness) = send.split_once('\n').context("no exports")?;
    let shop = Shop::open("woocommerce")?;
    let said = shop.run(&format!("{exports}\n{harness} 1001 {}", AGAIN[1]))?;
    ensure!(said == "4 sent\n", "a payment, its retry, the same payment, and a refund: {said}");
    shop.has(1)?;
    let shown = shop.run(&format!("{exports}\n{show}"))?;
    ensure!(
        shown.contains("\"gross_sales_minor\":1990") && shown.contains("\"refunds_minor\":500"),
        "{shown}"
    );
    // All of it again, and another order.
    shop.run(&format!("{exports}\n{harness} 1001 {}", AGAIN[1]))?;
    shop.has(1)?;
    shop.run(&format!("{exports}\n{harness} 1002 {}", AGAIN[1]))?;
    shop.has(2)?;
    shop.close()
}

/// What is on the topic: the project's header, the framing, and the record as its schema in the registry says.
fn avro_records(shop: &Shop) -> Result<Vec<(String, u32, Value)>> {
    let topic = shop.deployment.topic("charges");
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &shop.deployment.broker.bootstrap)
        .set("group.id", "x")
        .create()?;
    let mut list = TopicPartitionList::new();
    let mut left = 0;
    for partition in 0..4 {
        list.add_partition_offset(&topic, partition, Offset::Beginning)?;
        left += consumer.fetch_watermarks(&topic, partition, LIMIT)?.1;
    }
    consumer.assign(&list)?;
    let mut found = Vec::new();
    for _ in 0..left {
        let message = consumer.poll(LIMIT).context("a record is missing")??;
        let value = message.payload().context("a record without a value")?;
        let (Some((magic, rest)), key) = (value.split_first(), message.key().unwrap_or_default()) else {
            bail!("an empty value")
        };
        ensure!(*magic == 0, "the first byte is {magic}");
        let (id, mut datum) = rest.split_first_chunk().context("no schema id")?;
        let id = u32::from_be_bytes(*id);
        let answer =
            daybook_tests::instance::agent().get(format!("{}/schemas/ids/{id}", shop.registry)).call()?;
        let registered: Value = serde_json::from_str(&answer.into_body().read_to_string()?)?;
        let schema = apache_avro::Schema::parse_str(registered["schema"].as_str().context("no schema")?)?;
        let reader = apache_avro::reader::datum::GenericDatumReader::builder(&schema).build()?;
        let record = Value::try_from(reader.read_value(&mut datum)?)?;
        ensure!(datum.is_empty(), "{} bytes are left", datum.len());
        found.push((String::from_utf8(key.to_vec())?, id, record));
    }
    Ok(found)
}

/// Runs a page's commands in Avro: what is on the topic is what the schemas say, and it is in the books.
fn check_avro(page: &str, name: &str, again: impl Fn(&str) -> String) -> Result<()> {
    let registry = std::env::var(REGISTRY)
        .with_context(|| format!("{REGISTRY} is not set; `cargo xtask ci` starts a registry and sets it"))?;
    let shop = Shop::open_with(name, registry)?;
    let [json, avro] = blocks(page)?;
    // Set-up is as for JSON.
    json[..json.len() - 2].iter().try_for_each(|block| shop.run(block).map(drop))?;
    let [send] = avro.as_slice() else { bail!("{} blocks", avro.len()) };
    shop.run(&again(send))?;
    let sent = avro_records(&shop)?;
    ensure!(sent.len() == 2, "{sent:?}");
    for ((key, _, record), event) in sent.iter().zip(["o-1/payment", "o-1/refund"]) {
        let item = &record["track"][0]["payload"][0];
        ensure!(key == "ann@example.com" && item["eventId"] == event, "{key} {record}");
        let (amount, field) =
            if event.ends_with("payment") { ("19.90", "amount") } else { ("5.00", "amount_refunded") };
        ensure!(item["data"][field] == amount, "{record}");
        ensure!(item["data"]["occurredAt"] == 1_768_903_200_250_i64, "{record}");
    }
    shop.has(1)?;
    // The same again, and the page's own order.
    shop.run(&again(send))?;
    shop.run(send)?;
    shop.has(2)?;
    shop.close()
}

#[test]
fn python_in_avro() -> Result<()> {
    check_avro("python/README.md", "python-avro", with_arguments)
}

#[test]
fn java_in_avro() -> Result<()> {
    check_avro("java/README.md", "java-avro", by_maven)
}
