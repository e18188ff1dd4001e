export interface Post {
  id: string;
  pinned: boolean;
  publishedAt: number;
}

/** Pinned posts first, and the newest first among them and among the others. */
export function byPlace(a: Post, b: Post): number {
  if (a.pinned) return -1;
  if (b.pinned) return 1;
  return b.publishedAt - a.publishedAt;
}

export function feed(posts: Post[]): Post[] {
  return [...posts].sort(byPlace);
}

export function archive(posts: Post[], before: number): Post[] {
  return posts.filter((post) => post.publishedAt < before).sort(byPlace);
}

export function pinnedCount(posts: Post[]): number {
  return posts.filter((post) => post.pinned).length;
}
