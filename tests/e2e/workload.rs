//! Generated events, compared with the independent model.

use anyhow::Result;
use daybook_tests::binary::Binary;
use daybook_tests::traffic::check_processing;

#[test]
fn two_hundred_thousand_events_end_in_what_the_model_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    let books = check_processing(&binary, folder.path(), 165_000, 200_000)?;
    binary.run([std::path::Path::new("verify"), books.folder()])?.with(0)?;
    Ok(())
}
