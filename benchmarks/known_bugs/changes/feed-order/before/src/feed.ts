export interface Post {
  id: string;
  pinned: boolean;
  publishedAt: number;
}

export function feed(posts: Post[]): Post[] {
  return [...posts].sort((a, b) => b.publishedAt - a.publishedAt);
}

export function archive(posts: Post[], before: number): Post[] {
  return posts.filter((post) => post.publishedAt < before).sort((a, b) => b.publishedAt - a.publishedAt);
}
