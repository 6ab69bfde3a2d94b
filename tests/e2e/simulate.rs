//! Simulated payment backends fill a log, whether an instance has it or not.

use anyhow::{Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::instance::{Instance, write_config};

#[test]
fn simulated_payments_end_in_books_that_verify() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    // The command has to know the port beforehand.
    let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let config = write_config(folder.path(), &free.to_string())?;
    let simulate = |records: u32| -> Result<String> {
        let line = format!(
            "simulate --rate 100000 --records {records} --project acme --config {}",
            config.display()
        );
        Ok(binary.run(line.split(' '))?.with(0)?.stdout.clone())
    };
    let said = simulate(300)?;
    ensure!(said.contains("300 records sent"), "{said}");
    let instance = Instance::run(&binary, &config)?;
    instance.settle()?;
    simulate(200)?;
    instance.settle()?;
    ensure!(instance.end("charges")? == 500, "{} records", instance.end("charges")?);
    let entries = instance.end("ledger.entries")?;
    ensure!(entries > 400, "only {entries} entries");
    instance.stop()?;
    binary.run(["verify".as_ref(), folder.path().join("log").as_os_str()])?.with(0)?;
    Ok(())
}
