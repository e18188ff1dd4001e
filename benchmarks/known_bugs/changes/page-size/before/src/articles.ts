import { Database, Article } from "./database";

const PAGE_SIZE = 20;

export interface Page {
  articles: Article[];
  next: number | null;
}

export async function list(database: Database, page: number): Promise<Page> {
  const articles = await database.articles({ skip: page * PAGE_SIZE, take: PAGE_SIZE + 1 });
  return {
    articles: articles.slice(0, PAGE_SIZE),
    next: articles.length > PAGE_SIZE ? page + 1 : null,
  };
}
