//! `vigilo explain`: what the error codes mean, from the pages that are built in: it works when nothing else does.

use codes::Explanation;

use crate::failed::Failed;
use crate::{out, print};

pub fn explain(code: Option<&str>, json_wanted: bool) -> Result<(), Failed> {
    let Some(code) = code else {
        out::answer(json_wanted, codes::all(), print::errors::list);
        return Ok(());
    };
    let unknown = || Failed::Refused(format!("{code:?} is no error code; `vigilo explain` lists all"));
    let found: &Explanation = codes::find(code).ok_or_else(unknown)?;
    if json_wanted {
        // A list, as without a code.
        out::json(&[found]);
    } else {
        out::put(&print::errors::explanation(found));
    }
    Ok(())
}
