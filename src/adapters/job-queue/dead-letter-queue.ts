/** Where jobs of a queue go after their last try. No queue can have that name: a queue's own has no dot. */
export function deadLetterQueueOf(queue: string): string {
  return `${queue}.dead`;
}
