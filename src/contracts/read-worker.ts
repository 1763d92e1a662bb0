import { parentPort, workerData } from 'node:worker_threads';
import { readContract } from './read-contract.ts';
import type { ContractText } from './read-contract.ts';

parentPort?.postMessage(await readContract(workerData as ContractText));
