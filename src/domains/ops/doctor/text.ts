/** The languages that operators read. */
export const LANGUAGES = ['en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The same sentence in each of them. */
export type Text = Readonly<Record<Language, string>>;

export function text(en: string, zh: string): Text {
  return { en, zh };
}

/** What a locale such as `zh_CN.UTF-8` asks for; English for every other one. */
export function languageOf(locale: string | undefined): Language {
  return /^zh\b|^zh_/i.test(locale ?? '') ? 'zh' : 'en';
}
