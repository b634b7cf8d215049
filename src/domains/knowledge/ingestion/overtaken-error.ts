/** The generation is no longer wanted, or no longer this run's: its file was deleted, cancelled or attached anew. */
export class OvertakenError extends Error {
  constructor() {
    super('the generation is no longer wanted, or another run makes it');
    this.name = 'OvertakenError';
  }
}
