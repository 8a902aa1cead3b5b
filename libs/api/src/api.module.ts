import type { Server } from 'node:http';
import { type DynamicModule, Inject, Module, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core';
import { ResourceReader } from '#store';
import { AdminController } from './admin-controller.js';
import { API_SERVICES, type ApiServices, RESOURCE_READER } from './api-services.js';
import { BulkController } from './bulk-controller.js';
import { CAPABILITIES, Capabilities } from './capabilities.js';
import { DiscoveryController } from './discovery-controller.js';
import { FhirController } from './fhir-controller.js';
import { FhirExceptionFilter } from './fhir-exception-filter.js';
import { HistoryController } from './history-controller.js';
import type { HttpServer } from './http-exchange.js';
import { type InteractionCode, interactionsOf, routesOf } from './interaction.js';
import { LedgerController } from './ledger-controller.js';
import { OperationController } from './operation-controller.js';
import { prepareServer } from './prepare-server.js';
import { SearchController } from './search-controller.js';
import { SubscriptionController } from './subscription-controller.js';
import { SubscriptionOperationsController } from './subscription-operations-controller.js';
import { TokenController } from './token-controller.js';
import { TransactionController } from './transaction-controller.js';
import { ValidateController } from './validate-controller.js';
import { WriteController } from './write-controller.js';

/** All that is below /fhir; of two that have one address, the first answers. */
const fhirControllers = [
  SubscriptionOperationsController,
  SubscriptionController,
  TransactionController,
  DiscoveryController,
  BulkController,
  HistoryController,
  OperationController,
  ValidateController,
  FhirController,
  SearchController,
  WriteController,
];

/**
 * The HTTP edge: FHIR REST under /fhir, the ledger's files under /ledger. Import `ApiModule.forServices(...)` into an
 * application on the Fastify adapter. Errors of every route of that application become answers here.
 */
@Module({})
export class ApiModule implements OnModuleInit, OnModuleDestroy {
  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(API_SERVICES) private readonly services: ApiServices,
  ) {}

  /** The module over the services that the engine has opened. */
  static forServices(services: ApiServices): DynamicModule {
    const reader = new ResourceReader(services.database, services.searching);
    const marked = [FhirController, HistoryController, SearchController, WriteController].flatMap(
      interactionsOf,
    );
    const ofSystem = new Set<InteractionCode>(['search-system', 'history-system']);
    const capabilities = new Capabilities(services, reader, {
      everyType: marked.filter((code) => !ofSystem.has(code)),
      system: [...interactionsOf(TransactionController), ...ofSystem],
      oneType: { Subscription: interactionsOf(SubscriptionController) },
      routes: fhirControllers.flatMap(routesOf),
    });
    const controllers = [...fhirControllers, AdminController, LedgerController, TokenController];
    return {
      module: ApiModule,
      controllers,
      providers: [
        { provide: API_SERVICES, useValue: services },
        { provide: RESOURCE_READER, useValue: reader },
        { provide: CAPABILITIES, useValue: capabilities },
        {
          provide: APP_FILTER,
          useValue: new FhirExceptionFilter(services.report, controllers.flatMap(routesOf)),
        },
      ],
    };
  }

  /** A socket that is open would hold up the closing of the server. */
  async onModuleDestroy(): Promise<void> {
    this.services.sockets.close();
    await this.services.bulk.stop();
  }

  /** Runs before the server listens; Fastify gives hooks that are added now to all routes. */
  onModuleInit(): void {
    this.services.sockets.attach(this.host.httpAdapter.getHttpServer() as Server);
    prepareServer(this.host.httpAdapter.getInstance<HttpServer>(), this.services);
    this.services.bulk.start();
  }
}
