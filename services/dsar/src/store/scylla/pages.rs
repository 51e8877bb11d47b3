//! Pages of plans. They are written at a quorum before the act that freezes the plan, and never again.

use policy::request::PlanName;

use super::Inner;
use super::error::Error;
use super::rows::Table;
use crate::act::RequestKey;
use crate::plan::{MAX_ITEMS, PAGE, PlanItem};
use crate::store::columns;
use crate::wire;

/// Pages that are read at once: some megabytes.
const PAGES: usize = 20;
/// Most pages of one plan.
const MAX_PAGES: usize = MAX_ITEMS / PAGE;

impl Inner {
    /// Keeps a page, as its bytes.
    pub(super) async fn add_page(
        &self,
        key: &RequestKey,
        plan: &PlanName,
        number: u32,
        items: &[u8],
    ) -> Result<(), Error> {
        let values = (key.tenant.as_str(), key.id.to_bytes(), plan.as_str(), i64::from(number), items);
        Ok(self.cql.write(&self.statements.add_page, values).await?)
    }

    /// The items of a plan; a page that is missing between others is refused.
    pub(super) async fn items(&self, key: &RequestKey, plan: &PlanName) -> Result<Vec<PlanItem>, Error> {
        let (table, mut numbers, mut found) = (Table("dsar_page"), Vec::new(), Vec::new());
        loop {
            let after = numbers.last().map_or(-1, |last: &u64| *last as i64);
            let values = (key.tenant.as_str(), key.id.to_bytes(), plan.as_str(), after);
            let pages: Vec<(i64, Vec<u8>)> = self.cql.rows(&self.statements.pages, values, PAGES).await?;
            let is_last = pages.len() < PAGES;
            for (number, items) in pages {
                numbers.push(table.version(number)?);
                found.extend(wire::items(&items).map_err(|_| table.bad("items"))?);
            }
            if numbers.len() > MAX_PAGES {
                return Err(Error::TooMany { what: "pages of a plan", limit: MAX_PAGES });
            }
            if is_last {
                break;
            }
        }
        if columns::in_order(0, numbers) { Ok(found) } else { Err(table.bad("pages that are not all there")) }
    }
}
