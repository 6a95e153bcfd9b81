//! PrepareKey: a key in its backend and a CSR signed by it.
//!
//! In: names, algorithm, backend, the kept key. Out: the CSR, and the sealed key of the `local` backend. An order that
//! comes twice makes two keys; the ledger takes the first report, and the other key is never used.

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::run::{Check, Product, Rehearsal, StepKind};
use protocol::order::{Order, PrepareKeySpec};

use crate::backends::{BackendError, Backends, KeyRequest};
use crate::csr;
use crate::verdict::judge;

pub struct PrepareHandler {
    backends: Backends,
}

impl PrepareHandler {
    pub fn new(backends: Backends) -> Self {
        Self { backends }
    }
}

impl StepHandler for PrepareHandler {
    type Spec = PrepareKeySpec;
    const KIND: StepKind = StepKind::PrepareKey;

    async fn carry_out(&self, order: &Order<PrepareKeySpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        let prepared = async {
            let prepared = self
                .backends
                .of(&order.spec.key_source)?
                .prepare(request(order))
                .await?;
            csr::check_signature(&prepared.csr_pem)?;
            Ok(prepared)
        };
        let prepared = prepared.await.map_err(|e| judged(&e, order, ctx))?;
        ctx.check(Check::tick(
            "certificate request is signed by its key",
            order.spec.algorithm.as_str(),
        ));
        let what = if order.spec.keep.is_some() {
            "kept the key in use"
        } else {
            "made a new key"
        };
        ctx.info(what, &[("algorithm", order.spec.algorithm.as_str())]);
        Ok(Progress::Done(Product::PreparedKey(prepared)))
    }

    async fn rehearse(&self, order: &Order<PrepareKeySpec>, ctx: &StepContext) -> Result<Rehearsal, StepError> {
        let checks = async { self.backends.of(&order.spec.key_source)?.rehearse(request(order)).await };
        let checks = checks.await.map_err(|e| judged(&e, order, ctx))?;
        Ok(Rehearsal::of(checks))
    }
}

fn request(order: &Order<PrepareKeySpec>) -> KeyRequest<'_> {
    KeyRequest {
        workspace: &order.workspace,
        run: order.run_id,
        names: &order.spec.names,
        algorithm: order.spec.algorithm,
        keep: order.spec.keep.as_ref(),
        bind_to_run: order.spec.bind_to_run,
    }
}

fn judged(error: &BackendError, order: &Order<PrepareKeySpec>, ctx: &StepContext) -> StepError {
    judge(error, order.next_try(ctx.now(), rand::random()))
}

#[cfg(test)]
mod tests;
