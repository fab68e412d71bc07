//! Takes exports: reads and checks everything first, then stores it in one go.

use std::sync::Arc;

use super::log_line::StoredLine;
use super::origin::Origin;
use super::point::Point;
use super::protobuf::Malformed;
use super::refused::{ITEM_BYTES_MAX, Refusals, Refused};
use super::span::ArrivedSpan;
use super::{Store, lock};
use crate::export::Export;

/// Why nothing of an export was taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// Not what the protocol allows.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A sender that describes itself at such length would fill the store with that alone.
    #[error(
        "resource and scope together are larger than {0} bytes; send fewer resource attributes"
    )]
    OriginTooLarge(usize),
}

impl Store {
    pub(super) fn take_spans(&self, export: &Export) -> Result<Refusals, NotTaken> {
        let (mut batch, mut refusals) = (Vec::new(), Refusals::default());
        self.each(export, |item, origin| {
            match ArrivedSpan::read(item, origin)? {
                Ok(span) => batch.push(span),
                Err(refused) => refusals.add(refused),
            }
            Ok(())
        })?;
        let mut spans = lock(&self.spans);
        spans.refuse(refusals.count);
        spans.add(batch, &mut refusals);
        Ok(refusals)
    }

    pub(super) fn take_logs(&self, export: &Export) -> Result<Refusals, NotTaken> {
        let (mut batch, mut refusals) = (Vec::new(), Refusals::default());
        self.each(export, |item, origin| {
            let line = StoredLine::read(item, origin)?;
            if item.len() > ITEM_BYTES_MAX {
                refusals.add(Refused::TooLarge);
            } else {
                batch.push(line);
            }
            Ok(())
        })?;
        let mut logs = lock(&self.logs);
        logs.refuse(refusals.count);
        logs.add(batch);
        Ok(refusals)
    }

    pub(super) fn take_points(&self, export: &Export) -> Result<Refusals, NotTaken> {
        let (mut batch, mut refusals) = (Vec::new(), Refusals::default());
        self.each(export, |item, origin| {
            batch.extend(Point::read_all(item, origin)?);
            Ok(())
        })?;
        lock(&self.points).add(batch, self.now(), &mut refusals);
        Ok(refusals)
    }

    /// Every item of the export with where it comes from; stops at the first malformed one.
    fn each<'a>(
        &self,
        export: &'a Export,
        mut take: impl FnMut(&'a [u8], &Arc<Origin>) -> Result<(), Malformed>,
    ) -> Result<(), NotTaken> {
        for resource in &export.resources {
            for scope in &resource.scopes {
                let origin = lock(&self.origins).of(resource, scope)?;
                scope.items.iter().try_for_each(|item| take(item, &origin))?;
            }
        }
        Ok(())
    }
}
