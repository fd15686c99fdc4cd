//! The generated contract over the index.

use std::sync::Arc;

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
    library::Library,
};

struct Service {
    library: Arc<Library>,
    writable: bool,
}

pub(crate) fn module(library: Library, writable: bool) -> Module {
    let service = Service { library: Arc::new(library), writable };
    let mut routes = Routes::builder();
    routes.add_service(KnowledgeServiceServer::new(service));
    Module::new(crate::SERVICE, routes, vec![SERVICE_NAME])
}

impl Service {
    /// The pages; beside the answer, the folder is looked at when that is due.
    fn now(&self) -> Arc<Knowledge> {
        if self.library.is_due() {
            let library = self.library.clone();
            tokio::task::spawn_blocking(move || library.reload());
        }
        self.library.now()
    }

    async fn change(&self, id: String, page: Option<Page>) -> Result<(), Error> {
        if !self.writable {
            return Err(Error::new(
                ErrorCode::PermissionDenied,
                "this index is read-only; set kb.writable to change pages at run time",
            ));
        }
        let library = self.library.clone();
        let changed = tokio::task::spawn_blocking(move || library.change(id, page)).await;
        changed.map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))
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
        namespace: page.namespace.clone(),
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
        let filter =
            Filter { fault_code: request.fault_code, theme: request.theme, task: request.task, namespace: request.namespace };
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
        let request = request.into_inner();
        let hits = request
            .fault_codes
            .iter()
            .flat_map(|code| knowledge.by_code(code).into_iter().chain(knowledge.of_team(code, &request.namespace)))
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
        let request = request.into_inner();
        let name = if request.page_id.is_empty() { "the page" } else { &request.page_id };
        if request.page_id.is_empty() && !request.markdown.starts_with("---\n") {
            return Err(Error::field("page_id", "is empty, and the text has no front matter that names the page").into());
        }
        let page =
            Page::of_user(name, &request.namespace, &request.markdown).map_err(|e| Error::field("markdown", e.to_string()))?;
        let page_id = page.id.clone();
        self.change(page_id.clone(), Some(page)).await?;
        Ok(Response::new(PutDocumentResponse { page_id }))
    }

    async fn delete_document(&self, request: Request<DeleteDocumentRequest>) -> Result<Response<DeleteDocumentResponse>, Status> {
        let id = request.into_inner().page_id;
        let knowledge = self.now();
        knowledge.page(&id).ok_or_else(|| no_page(&knowledge, &id))?;
        self.change(id, None).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KbConfig;

    fn service(folder: &std::path::Path) -> Service {
        let config = KbConfig { pages: folder.to_owned(), writable: true, ..KbConfig::default() };
        Service { library: Arc::new(Library::open(&config).expect("pages")), writable: true }
    }

    async fn ids(service: &Service, query: &str, namespace: &str) -> Vec<String> {
        let request = SearchRequest { query: query.to_owned(), limit: 1, namespace: namespace.to_owned(), ..Default::default() };
        let hits = service.search(Request::new(request)).await.expect("answers").into_inner().hits;
        hits.into_iter().map(|hit| hit.page_id).collect()
    }

    #[tokio::test]
    async fn a_folders_documents_are_searched_and_a_teams_by_the_team_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("writes");
        };
        write("On Call.txt", "# Who to wake\nThe zeppelin cluster drains at midnight; wake the zeppelin pilot.\n");
        write(
            "vision/runbook.md",
            "---\nid: runbook\ntitle: Runbook of vision\nfault_codes: [nan_loss]\n---\nTurn the quokka regulariser off when the loss is NaN.\n",
        );
        write("speech/runbook.md", "Restart the marmot decoder.\n");
        let service = service(folder.path());
        assert_eq!(ids(&service, "who drains the zeppelin cluster", "").await, ["on_call"]);
        assert!(ids(&service, "quokka regulariser", "").await.is_empty(), "a team's page is nobody else's");
        assert!(ids(&service, "quokka regulariser", "speech").await.is_empty());
        assert_eq!(ids(&service, "quokka regulariser", "vision").await, ["vision/runbook"]);
        assert_eq!(ids(&service, "who drains the zeppelin cluster", "vision").await, ["on_call"], "beside the shared ones");
        let about = |namespace: &str| {
            let request =
                RetrieveForFindingsRequest { fault_codes: vec!["nan_loss".to_owned()], namespace: namespace.to_owned() };
            let answer = service.retrieve_for_findings(Request::new(request));
            async { answer.await.expect("answers").into_inner().hits.into_iter().map(|hit| hit.page_id).collect::<Vec<_>>() }
        };
        assert_eq!(
            (about("").await, about("vision").await),
            (vec!["nan_loss".to_owned()], vec!["nan_loss".to_owned(), "vision/runbook".to_owned()])
        );

        // What changes in the folder is read again; what breaks leaves the pages as they were.
        write("speech/runbook.md", "Restart the wombat decoder instead.\n");
        write("new.md", "The narwhal gauge reads metres.\n");
        service.library.reload();
        assert_eq!(ids(&service, "narwhal gauge", "").await, ["new"]);
        assert_eq!(ids(&service, "wombat decoder", "speech").await, ["speech/runbook"]);
        write("new.md", "---\nid: [\n---\nbroken\n");
        service.library.reload();
        assert_eq!(ids(&service, "narwhal gauge", "").await, ["new"]);
    }

    #[tokio::test]
    async fn documents_are_put_and_deleted_and_survive_a_reload() {
        let folder = tempfile::tempdir().expect("a folder");
        let service = service(folder.path());
        let put = |markdown: &str, namespace: &str, page_id: &str| {
            let request = PutDocumentRequest {
                markdown: markdown.to_owned(),
                namespace: namespace.to_owned(),
                page_id: page_id.to_owned(),
            };
            service.put_document(Request::new(request))
        };
        let id = put("Ask the axolotl board before a release.", "team-a", "Releases").await.expect("taken").into_inner().page_id;
        assert_eq!(id, "team-a/releases");
        std::fs::write(folder.path().join("other.md"), "The pangolin budget is monthly.").expect("writes");
        service.library.reload();
        assert_eq!(ids(&service, "axolotl board", "team-a").await, ["team-a/releases"]);
        assert_eq!(ids(&service, "pangolin budget", "").await, ["other"]);
        service.delete_document(Request::new(DeleteDocumentRequest { page_id: id })).await.expect("gone");
        assert!(ids(&service, "axolotl board", "team-a").await.is_empty());
        for (markdown, namespace, page_id) in
            [("no name", "", ""), ("text", "../up", "x"), ("", "", "x"), ("---\nid: x\n", "", "")]
        {
            assert!(put(markdown, namespace, page_id).await.is_err(), "{markdown:?} {namespace:?}");
        }
    }
}
