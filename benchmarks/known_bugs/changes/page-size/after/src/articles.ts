import { Database, Article } from "./database";
import { clamp } from "./numbers";

const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

export interface Page {
  articles: Article[];
  next: number | null;
  pageSize: number;
}

export function pageSizeOf(text: string | undefined): number {
  const asked = Number.parseInt(text ?? "", 10);
  if (Number.isNaN(asked)) {
    return DEFAULT_PAGE_SIZE;
  }
  return clamp(1, MAX_PAGE_SIZE, asked);
}

export async function list(database: Database, page: number, pageSize = DEFAULT_PAGE_SIZE): Promise<Page> {
  const articles = await database.articles({ skip: page * pageSize, take: pageSize + 1 });
  return {
    articles: articles.slice(0, pageSize),
    next: articles.length > pageSize ? page + 1 : null,
    pageSize,
  };
}
