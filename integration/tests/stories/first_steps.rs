//! The first commands of a new user.

use std::process::Output;

use anyhow::{Context, Result, ensure};
use integration::fleet::Up;

use crate::world::estate;

/// What it printed on standard output, and on standard error.
fn said(output: Output) -> Result<(String, String)> {
    ensure!(output.status.success(), "{output:?}");
    Ok((String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_nothing_and_a_host_without_a_name_say_what_comes_next() -> Result<()> {
    let estate = estate(1).await?;
    let up = Up::start(&estate).await?;
    let (list, aside) = said(up.command(&["host", "list"])?.output()?)?;
    ensure!(
        list.is_empty() && aside.contains("vigilo host add"),
        "{list:?} {aside:?}"
    );
    let (list, aside) = said(up.command(&["host", "list", "--json"])?.output()?)?;
    ensure!(list.trim() == "[]" && aside.is_empty(), "{list:?} {aside:?}");

    let (added, aside) = said(up.command(&["host", "add", "192.0.2.10"])?.output()?)?;
    ensure!(added.contains("192.0.2.10"), "{added:?}");
    let why = aside.lines().last().context("it cannot be issued, and that is said")?;
    ensure!(why.contains("it is watched") && why.contains("IP address"), "{aside:?}");
    let (list, _) = said(up.command(&["host", "list"])?.output()?)?;
    ensure!(list.lines().count() == 1 && list.starts_with("192.0.2.10"), "{list:?}");
    Ok(())
}
