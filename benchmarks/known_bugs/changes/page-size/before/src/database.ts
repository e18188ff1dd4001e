export interface Article {
  id: number;
  title: string;
}

export interface Database {
  articles(range: { skip: number; take: number }): Promise<Article[]>;
}
