//! The generated contract over the index.

use std::sync::{Arc, PoisonError, RwLock};

use deepfix_api::knowledge::{
    DeleteDocumentRequest, DeleteDocumentResponse, GetDocumentRequest, GetDocumentResponse, Highlight, Hit, ListThemesRequest,
    ListThemesResponse, PutDocumentRequest, PutDocumentResponse, RetrieveForFindingsRequest, RetrieveForFindingsResponse,
    SearchRequest, SearchResponse, Source, Theme,
    knowledge_service_server::{KnowledgeService, KnowledgeServiceServer, SERVICE_NAME},
};
use deepfix_errors::{Error, ErrorCode};
use deepfix_rpc::Module;
use tonic::{Request, Response, Status, service::Routes};

use crate::{
    Page,
    index::{Filter, Found, Knowledge},
};

struct Service {
    knowledge: RwLock<Arc<Knowledge>>,
    writable: bool,
}

pub(crate) fn module(knowledge: Knowledge, writable: bool) -> Module {
    let service = Service { knowledge: RwLock::new(Arc::new(knowledge)), writable };
    let mut routes = Routes::builder();
    routes.add_service(KnowledgeServiceServer::new(service));
    Module::new(crate::SERVICE, routes, vec![SERVICE_NAME])
}

impl Service {
    fn now(&self) -> Arc<Knowledge> {
        // Nothing panics while the lock is held, and a whole index is swapped at once.
        self.knowledge.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Page>)) -> Result<(), Error> {
        if !self.writable {
            return Err(Error::new(
                ErrorCode::PermissionDenied,
                "this index is read-only; set kb.writable to change pages at run time",
            ));
        }
        let mut slot = self.knowledge.write().unwrap_or_else(PoisonError::into_inner);
        let mut pages: Vec<Page> = slot.pages().map(|p| Page::clone(p)).collect();
        change(&mut pages);
        *slot = Arc::new(Knowledge::new(pages));
        Ok(())
    }
}

fn sources(page: &Page) -> Vec<Source> {
    page.sources
        .iter()
        .map(|s| Source { title: s.title.clone(), url: s.url.clone(), year: s.year, locator: s.locator.clone() })
        .collect()
}

fn hit(rank: usize, found: &Found) -> Hit {
    let page = &found.page;
    let passage = page.passages.get(found.passage);
    let heading = passage.map_or("", |p| p.heading.as_str());
    Hit {
        rank: u32::try_from(rank + 1).unwrap_or(u32::MAX),
        page_id: page.id.clone(),
        passage_id: if heading.is_empty() {
            page.id.clone()
        } else {
            format!("{}#{}", page.id, heading.to_lowercase().replace(' ', "-"))
        },
        title: page.title.clone(),
        theme: page.theme.clone(),
        fault_codes: page.fault_codes.clone(),
        tasks: page.tasks.clone(),
        score: found.score,
        confidence: found.confidence,
        text: passage.map_or_else(String::new, |p| p.text.clone()),
        highlights: found
            .highlights
            .iter()
            .map(|&(start, end)| Highlight { start: u32::try_from(start).unwrap_or(0), end: u32::try_from(end).unwrap_or(0) })
            .collect(),
        sources: sources(page),
    }
}

#[tonic::async_trait]
impl KnowledgeService for Service {
    async fn search(&self, request: Request<SearchRequest>) -> Result<Response<SearchResponse>, Status> {
        let request = request.into_inner();
        let query = request.query.trim().to_owned();
        if query.is_empty() {
            return Err(Error::field("query", "is empty; say what to look for").into());
        }
        if !(1..=100).contains(&request.limit) {
            return Err(Error::field("limit", format!("is {}, it must lie between 1 and 100", request.limit)).into());
        }
        let filter = Filter { fault_code: request.fault_code, theme: request.theme, task: request.task };
        let knowledge = self.now();
        let limit = request.limit as usize;
        // The first question builds the index, which takes too long for a thread that serves connections.
        let hits = tokio::task::spawn_blocking(move || knowledge.search(&query, &filter, limit))
            .await
            .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
        let hits: Vec<Hit> = hits.iter().enumerate().map(|(rank, found)| hit(rank, found)).collect();
        Ok(Response::new(SearchResponse { known: !hits.is_empty(), hits }))
    }

    async fn retrieve_for_findings(
        &self,
        request: Request<RetrieveForFindingsRequest>,
    ) -> Result<Response<RetrieveForFindingsResponse>, Status> {
        let knowledge = self.now();
        let hits = request
            .into_inner()
            .fault_codes
            .iter()
            .filter_map(|code| knowledge.by_code(code))
            .enumerate()
            .map(|(rank, page)| {
                hit(rank, &Found { page: page.clone(), passage: 0, score: 0.0, confidence: 1.0, highlights: Vec::new() })
            })
            .collect();
        Ok(Response::new(RetrieveForFindingsResponse { hits }))
    }

    async fn get_document(&self, request: Request<GetDocumentRequest>) -> Result<Response<GetDocumentResponse>, Status> {
        let id = request.into_inner().page_id;
        let knowledge = self.now();
        let page = knowledge.page(&id).or_else(|| knowledge.by_code(&id)).ok_or_else(|| no_page(&knowledge, &id))?;
        Ok(Response::new(GetDocumentResponse {
            page_id: page.id.clone(),
            title: page.title.clone(),
            theme: page.theme.clone(),
            markdown: page.markdown.clone(),
            sources: sources(page),
        }))
    }

    async fn put_document(&self, request: Request<PutDocumentRequest>) -> Result<Response<PutDocumentResponse>, Status> {
        let page =
            Page::parse("the page", &request.into_inner().markdown).map_err(|e| Error::field("markdown", e.to_string()))?;
        let page_id = page.id.clone();
        self.change(|pages| {
            pages.retain(|p| p.id != page.id);
            pages.push(page);
        })?;
        Ok(Response::new(PutDocumentResponse { page_id }))
    }

    async fn delete_document(&self, request: Request<DeleteDocumentRequest>) -> Result<Response<DeleteDocumentResponse>, Status> {
        let id = request.into_inner().page_id;
        let knowledge = self.now();
        knowledge.page(&id).ok_or_else(|| no_page(&knowledge, &id))?;
        self.change(|pages| pages.retain(|p| p.id != id))?;
        Ok(Response::new(DeleteDocumentResponse {}))
    }

    async fn list_themes(&self, _: Request<ListThemesRequest>) -> Result<Response<ListThemesResponse>, Status> {
        let mut themes: std::collections::BTreeMap<String, u32> = std::collections::BTreeMap::new();
        for page in self.now().pages() {
            *themes.entry(page.theme.clone()).or_default() += 1;
        }
        Ok(Response::new(ListThemesResponse { themes: themes.into_iter().map(|(name, pages)| Theme { name, pages }).collect() }))
    }
}

fn no_page(knowledge: &Knowledge, id: &str) -> Error {
    let near: Vec<&str> = knowledge
        .pages()
        .map(|p| p.id.as_str())
        .filter(|p| p.split('_').any(|word| word.len() > 3 && id.contains(word)))
        .take(5)
        .collect();
    let hint = if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) };
    Error::new(ErrorCode::NotFound, format!("there is no page {id:?}{hint}"))
}
