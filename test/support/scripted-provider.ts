export {
  type Received,
  type ScriptedProvider,
  startScriptedProvider,
} from './scripted-provider/server.ts';
export type { Fault, Script } from './scripted-provider/script.ts';
