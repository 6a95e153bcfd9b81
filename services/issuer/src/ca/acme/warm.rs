//! Orders that this process has just opened: the next order of the same step usually comes here and
//! need not fetch them again (n + 1 requests for n names). Only a short cut: what is not here is
//! loaded by its URL.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use instant_acme::Order;
use url::Url;

/// Within this time no other issuer moves the order, unless this one is late; then the CA says so.
const OLDEST: Duration = Duration::from_secs(30);
const MOST: usize = 1024;

#[derive(Default)]
pub struct WarmOrders {
    orders: Mutex<HashMap<Url, (Instant, Order)>>,
}

impl WarmOrders {
    pub fn keep(&self, url: Url, order: Order) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if orders.len() >= MOST {
            orders.retain(|_, (kept_at, _)| kept_at.elapsed() < OLDEST);
        }
        if orders.len() < MOST {
            orders.insert(url, (Instant::now(), order));
        }
    }

    /// Once: whoever comes a second time looks at the CA.
    pub fn take(&self, url: &Url) -> Option<Order> {
        let (kept_at, order) = self.orders.lock().unwrap_or_else(PoisonError::into_inner).remove(url)?;
        (kept_at.elapsed() < OLDEST).then_some(order)
    }
}
