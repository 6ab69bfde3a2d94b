//! Blocks of TOML in the documentation are what daybook takes: a configuration, or settings of projects.

use crate::config::Config;

#[test]
fn every_block_of_toml_is_a_configuration_or_settings() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("block.toml");
    let (mut configurations, mut settings) = (0, 0);
    for page in daybook_pages::pages(&daybook_pages::repository()).expect("pages can be read") {
        for block in page.blocks.iter().filter(|block| block.language == "toml") {
            match toml::from_str::<Config>(&block.text) {
                Ok(_) => configurations += 1,
                Err(fault) => {
                    std::fs::write(&file, &block.text).expect("a file can be written");
                    let read = crate::settings::read(&file);
                    let place = format!("{} line {}", page.path.display(), block.line);
                    assert!(read.is_ok(), "{place}: no configuration ({fault}), no settings ({read:?})");
                    settings += 1;
                }
            }
        }
    }
    assert!(configurations > 1 && settings > 0, "{configurations} configurations, {settings} settings");
    // It notices a key that there is not.
    assert!(
        toml::from_str::<Config>("[http]\nlisten_at = \"127.0.0.1:8080\"\n").is_err(),
        "any key is taken"
    );
}
