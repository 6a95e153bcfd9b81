//! What an issuance costs, in millionths of a US dollar. What is not known is no price, and never
//! zero.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::DnsName;

/// The price of one issuance, as the provider makes it up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Absent: not known.
    #[serde(default)]
    pub micro_usd: Option<u64>,
    /// Of a wildcard name, where it has a price of its own.
    #[serde(default)]
    pub wildcard_micro_usd: Option<u64>,
    #[serde(default)]
    pub per: PricedPer,
    /// What the price hangs on, in words.
    #[serde(default)]
    pub note: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PricedPer {
    #[default]
    Certificate,
    /// Each name of the certificate is paid for.
    Name,
}

impl Price {
    /// Of one certificate with these names; nothing when it is not known.
    pub fn of(&self, names: &[DnsName]) -> Option<u64> {
        let one = |wildcard: bool| match self.wildcard_micro_usd {
            Some(price) if wildcard => Some(price),
            Some(_) | None => self.micro_usd,
        };
        match self.per {
            PricedPer::Certificate => one(names.iter().any(DnsName::is_wildcard)),
            PricedPer::Name => names
                .iter()
                .try_fold(0_u64, |sum, name| Some(sum.saturating_add(one(name.is_wildcard())?))),
        }
    }
}

/// `free`, `7.00 USD`, or that it is not known.
pub fn shown(price: Option<u64>) -> String {
    match price {
        None => "price not known".to_owned(),
        Some(0) => "free".to_owned(),
        Some(micro) => usd(micro),
    }
}

/// With cents, and with as much behind them as there is.
pub fn usd(micro: u64) -> String {
    let (whole, part) = (micro / 1_000_000, micro % 1_000_000);
    let digits = format!("{part:06}");
    let behind = digits.trim_end_matches('0');
    format!("{whole}.{behind:0<2} USD")
}

/// `7`, `7.5` or `0.000015` dollars; the refusal says what is wrong and what is right.
pub fn parse_usd(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("{text:?} is no price; give dollars with at most six digits behind the point, such as 7 or 0.15");
    let (whole, behind) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(behind) || behind.len() > 6 {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let part: u64 = format!("{behind:0<6}").parse().map_err(|_| wrong())?;
    whole
        .checked_mul(1_000_000)
        .and_then(|micro| micro.checked_add(part))
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<DnsName> {
        texts.iter().map(|text| text.parse().expect("a name")).collect()
    }

    fn price(per: PricedPer) -> Price {
        Price {
            micro_usd: Some(7_000_000),
            wildcard_micro_usd: Some(79_000_000),
            per,
            note: String::new(),
        }
    }

    #[test]
    fn each_name_is_paid_for_or_the_certificate_once() {
        let both = names(&["a.example.org", "*.example.org", "b.example.org"]);
        assert_eq!(price(PricedPer::Name).of(&both), Some(93_000_000));
        assert_eq!(price(PricedPer::Certificate).of(&both), Some(79_000_000));
        assert_eq!(price(PricedPer::Certificate).of(&both[..1]), Some(7_000_000));
    }

    #[test]
    fn what_is_not_known_is_never_zero() {
        assert_eq!(Price::default().of(&names(&["a.example.org"])), None);
        assert_eq!(shown(None), "price not known");
        assert_eq!(shown(Some(0)), "free");
    }

    #[test]
    fn dollars_are_written_with_cents_at_least() {
        for (micro, text) in [
            (7_000_000, "7.00 USD"),
            (150_000, "0.15 USD"),
            (15, "0.000015 USD"),
            (1_234_500_000, "1234.50 USD"),
        ] {
            assert_eq!(usd(micro), text);
            assert_eq!(parse_usd(text.trim_end_matches(" USD")), Ok(micro));
        }
        for wrong in ["", "-1", "7,5", "1.", ".5", "0.0000001", "99999999999999999999"] {
            assert!(parse_usd(wrong).is_err(), "{wrong}");
        }
    }
}
