import { parentPort, workerData } from 'node:worker_threads';
import type { MessageSchema } from './contract.ts';
import { SchemaCompiler } from './schema-compiler.ts';
import { faultsOf } from './schema-faults.ts';

/** Compiles each schema and tells its faults; `current` always holds the index of the one at work, for when this thread is ended. */
const { schemas, current } = workerData as { schemas: readonly MessageSchema[]; current: Int32Array };
const compiler = new SchemaCompiler();
const faults = schemas.map((schema, index) => {
  Atomics.store(current, 0, index);
  return faultsOf(schema, compiler);
});
parentPort?.postMessage(faults);
