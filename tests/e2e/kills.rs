//! What was acknowledged survives kills, once.

use anyhow::{Context, Result};
use daybook_tests::binary::Binary;
use daybook_tests::kill;
use daybook_tests::random::Random;

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_ten_kills() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let seed = Random::seed();
    println!("DAYBOOK_TEST_SEED={seed}");
    let report = kill::check(&Binary::under_test()?, folder.path(), 10, seed)
        .with_context(|| format!("with DAYBOOK_TEST_SEED={seed}"))?;
    println!("{report:?}");
    Ok(())
}
